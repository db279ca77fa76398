import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import type { ProbeReport } from "./adapter-probe.ts";
import { childModule } from "./child-module.ts";
import { dawnIsInstalled, missingDawn } from "./dawn.ts";
import { unpackSwiftShader } from "./swiftshader.ts";

/** `gpu`: what the system has, if it is no CPU. `lavapipe`: Mesa's CPU driver, with f16. `swiftshader`: from npm. */
export const adapterKinds = ["gpu", "lavapipe", "swiftshader"] as const;
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

/** Asks every way to the wanted adapter, or with null the fastest kind first, until a device was really created. */
export async function findAdapter(wanted: AdapterKind | null): Promise<Result<FoundAdapter>> {
  if (!dawnIsInstalled()) return fail(missingDawn);
  const tried: string[] = [];
  const matching = async (environment: Environment, kinds: readonly AdapterKind[]): Promise<FoundAdapter | null> => {
    const report = await probe(environment);
    if (typeof report === "string") {
      tried.push(report);
      return null;
    }
    const kind = kindOf(report);
    if (kinds.includes(kind) && !(kind === "gpu" && report.isFallback)) return { ...report, kind, environment };
    tried.push(`found '${report.description}'`);
    return null;
  };

  const found = await matching(base(), wanted === null ? adapterKinds : [wanted]);
  if (found !== null) return ok(found);
  if (wanted !== "gpu" && wanted !== "swiftshader")
    for (const icd of lavapipeManifests()) {
      const lavapipe = await matching({ ...base(), ...driver(icd) }, ["lavapipe"]);
      if (lavapipe !== null) return ok(lavapipe);
    }
  if (wanted === null || wanted === "swiftshader") {
    const unpacked = await unpackSwiftShader();
    if (!unpacked.ok) return unpacked;
    const { icd, loader } = unpacked.value;
    const system = { ...base(), ...driver(icd) };
    const own = { ...system, LD_LIBRARY_PATH: [loader, process.env.LD_LIBRARY_PATH ?? []].flat().join(":") };
    const swiftshader = (await matching(system, ["swiftshader"])) ?? (await matching(own, ["swiftshader"]));
    if (swiftshader !== null) return ok(swiftshader);
  }
  const diagnostic = error("no-adapter", null, wanted ?? "any adapter", [...new Set(tried)].join("; "));
  return fail(wanted === null ? diagnostic : withNote(diagnostic, `--adapter takes ${adapterKinds.join(", ")}`));
}

/** Mesa complains on standard error without a runtime folder. */
const base = (): Environment => ({ XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? os.tmpdir() });

/** The loader's newer variable overrules its older one where somebody has set it. */
const driver = (icd: string): Environment => ({ VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd });

const lavapipeManifests = (): readonly string[] =>
  ["/usr/share", "/usr/local/share", "/etc"]
    .map(folder => path.join(folder, "vulkan", "icd.d"))
    .flatMap(folder => (fs.existsSync(folder) ? fs.readdirSync(folder).map(file => path.join(folder, file)) : []))
    .filter(file => /^lvp_icd.*\.json$/.test(path.basename(file)))
    .sort();

/** What a fresh process finds in that environment, or why it finds nothing. */
const probe = (environment: Environment): Promise<ProbeReport | string> =>
  new Promise(resolve => {
    const options = { env: { ...process.env, ...environment }, timeout: 30_000, killSignal: "SIGKILL" } as const;
    execFile(process.execPath, [childModule("adapter-probe")], options, (failure, stdout) => {
      const line = stdout.split("\n").find(text => text.startsWith("{"));
      if (line !== undefined) resolve(JSON.parse(line) as ProbeReport);
      else resolve(failure?.signal ? `the driver ended the process with ${failure.signal}` : "no driver answered");
    });
  });
