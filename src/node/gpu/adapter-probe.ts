// A process of its own: a driver that crashes ends this one and not its parent. Prints what it finds as one JSON line.
import { loadDawn } from "./dawn.ts";

export interface ProbeReport {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallback: boolean;
  readonly features: readonly string[];
}

const gpu = await loadDawn();
const adapter = gpu.ok ? await gpu.value.requestAdapter({ powerPreference: "high-performance" }) : null;
if (adapter !== null) {
  const device = await adapter.requestDevice();
  const { vendor, architecture, device: name, description, isFallbackAdapter } = adapter.info;
  const report: ProbeReport = {
    vendor,
    architecture,
    device: name,
    description,
    isFallback: isFallbackAdapter,
    features: [...adapter.features].sort(),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => {
    device.destroy();
    process.exit(0);
  });
} else process.exit(1);
