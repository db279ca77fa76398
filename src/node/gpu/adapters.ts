import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { quoted } from "../../diagnostics/messages/quoted.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { readJson, smallJson } from "../../json/read.ts";
import { fieldsOf, fitting, flag, listOf } from "../../json/shape.ts";
import { childModule } from "../process/child-module.ts";
import type { ProbeReport } from "./adapter-probe.ts";
import { dawnIsInstalled, missingDawn } from "./dawn.ts";
import { unpackSwiftShader } from "./swiftshader.ts";

/**
 * `gpu`: what the system has, if it is no CPU. `swiftshader`: from npm. `lavapipe`: Mesa's CPU driver, with f16. In the
 * order in which one run is over soonest: lavapipe computes faster, but compiles kernels it has not met for longer.
 */
export const adapterKinds = ["gpu", "swiftshader", "lavapipe"] as const;
export type AdapterKind = (typeof adapterKinds)[number];

type Environment = Readonly<Record<string, string>>;

export interface FoundAdapter extends ProbeReport {
  readonly kind: AdapterKind;
  /** What a process must be started with, beside its own environment, for `requestAdapter` to give this adapter. */
  readonly environment: Environment;
}

/** A driver is what it says it is: files lie about, and an old Mesa leaves a manifest that gives no adapter. */
const kindOf = (report: ProbeReport): AdapterKind => {
  const name = `${report.description} ${report.architecture} ${report.device}`.toLowerCase();
  if (name.includes("swiftshader")) return "swiftshader";
  return name.includes("llvmpipe") ? "lavapipe" : "gpu";
};

/** Asks every way to the wanted adapter, or with null one kind after the other, until a device was really created. */
export async function findAdapter(wanted: AdapterKind | null): Promise<Result<FoundAdapter>> {
  if (!dawnIsInstalled()) return fail(missingDawn);
  const tried: string[] = [];
  const given = await probe(base());
  const fitting = (report: ProbeReport | string, kind: AdapterKind): report is ProbeReport => {
    const fits = typeof report !== "string" && kindOf(report) === kind && !(kind === "gpu" && report.isFallback);
    if (!fits) tried.push(typeof report === "string" ? report : `found ${quoted(report.description)}`);
    return fits;
  };
  for (const kind of wanted === null ? adapterKinds : [wanted]) {
    if (fitting(given, kind)) return ok({ ...given, kind, environment: base() });
    const more = await environments[kind]();
    if (!more.ok && wanted !== null) return more;
    tried.push(...more.diagnostics.map(({ message }) => message));
    for (const environment of more.ok ? more.value : []) {
      const report = await probe(environment);
      if (fitting(report, kind)) return ok({ ...report, kind, environment });
    }
  }
  const diagnostic = error("no-adapter", null, wanted ?? "any adapter", [...new Set(tried)].join("; "));
  return fail(wanted === null ? diagnostic : withNote(diagnostic, `--adapter takes ${adapterKinds.join(", ")}`));
}

/** In which a kind may be found where this process's own environment does not give it. */
const environments: { readonly [K in AdapterKind]: () => Promise<Result<readonly Environment[]>> } = {
  gpu: async () => ok([]),
  swiftshader: async () => {
    const unpacked = await unpackSwiftShader();
    if (!unpacked.ok) return unpacked;
    const { icd, loader } = unpacked.value;
    const system = { ...base(), ...driver(icd) };
    const loaders = [loader, process.env.LD_LIBRARY_PATH ?? []].flat().join(":");
    return ok([system, { ...system, LD_LIBRARY_PATH: loaders }]);
  },
  lavapipe: async () => ok(lavapipeManifests().map(icd => ({ ...base(), ...driver(icd) }))),
};

/**
 * Mesa complains on standard error without a runtime folder. Its CPU driver takes vectors as wide as the processor has,
 * which compiles longer and computes slower: 48 pictures by atto in 39 s with 512 bits, 19 s with 256, 16 s with 128.
 */
const base = (): Environment => ({
  XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? os.tmpdir(),
  LP_NATIVE_VECTOR_WIDTH: process.env.LP_NATIVE_VECTOR_WIDTH ?? "128",
});

/** The loader's newer variable overrules its older one where somebody has set it. */
const driver = (icd: string): Environment => ({ VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd });

const lavapipeManifests = (): readonly string[] =>
  ["/usr/share", "/usr/local/share", "/etc"]
    .map(folder => path.join(folder, "vulkan", "icd.d"))
    .flatMap(folder => (fs.existsSync(folder) ? fs.readdirSync(folder).map(file => path.join(folder, file)) : []))
    .filter(file => /^lvp_icd.*\.json$/.test(path.basename(file)))
    .sort();

const text = fitting("text", value => typeof value === "string");
const reportShape = fieldsOf({
  vendor: text,
  architecture: text,
  device: text,
  description: text,
  isFallback: flag,
  features: listOf(text, 0, 1000),
});

/** What a probe printed; null where a driver printed something of its own. */
export function reportOf(line: string): ProbeReport | null {
  const wrong = (place: FilePlace) => error("no-adapter", place, "the probe", "it printed no report");
  const json = readJson({ file: "the probe", bytes: new TextEncoder().encode(line), limits: smallJson, wrong });
  return json.ok && reportShape(json.value, "") === null ? (json.value as ProbeReport) : null;
}

/** What a fresh process finds in that environment, or why it finds nothing. */
const probe = (environment: Environment): Promise<ProbeReport | string> =>
  new Promise(resolve => {
    const options = { env: { ...process.env, ...environment }, timeout: 30_000, killSignal: "SIGKILL" } as const;
    execFile(process.execPath, [childModule("gpu/adapter-probe")], options, (failure, stdout) => {
      const line = stdout.split("\n").find(text => text.startsWith("{"));
      const report = line === undefined ? null : reportOf(line);
      if (report !== null) resolve(report);
      else resolve(failure?.signal ? `the driver ended the process with ${failure.signal}` : "no driver answered");
    });
  });
