import * as fs from "node:fs";
import * as path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { merge } from "../../explore/finish.ts";
import { pointAt } from "../../explore/points.ts";
import { type Prepared, prepare, type Question } from "../../explore/prepare.ts";
import { csvOf, shownRows, tableOf } from "../../explore/render.ts";
import { explorationPage } from "../../explore/report/page.ts";
import type { Exploration, Variant } from "../../explore/result.ts";
import { scatterOf } from "../../explore/scatter.ts";
import { printDraft } from "../../import/print-draft.ts";
import type { Model } from "../../model/model.ts";
import { measure } from "../executors/measure.ts";
import { errnoOf, ioError } from "../files/errno.ts";
import { readFileWithin } from "../files/read.ts";
import { writeFile } from "../files/write-file.ts";
import { type AdapterKind, findAdapter } from "../gpu/adapters.ts";
import { openDevice } from "../inputs/devices.ts";
import { loadProgram } from "../inputs/program.ts";
import { type Outcome, type Output, outcome } from "../outcome/outcome.ts";
import { render } from "../outcome/render.ts";
import { onInterrupt } from "../process/interrupt.ts";
import { progress } from "../process/progress.ts";

export interface ExploreJob {
  /** Null only where shards are merged. */
  readonly spec: string | null;
  readonly stdin: Uint8Array | null;
  readonly root: string | null;
  readonly question: Question;
  /** Outputs of shards to join in place of visiting points. */
  readonly merge: readonly string[] | null;
  /** How many of the front are also timed. */
  readonly measure: number | null;
  readonly adapter: AdapterKind | null;
  readonly as: "table" | "csv" | "json";
  readonly folder: string | null;
  readonly emit: string | null;
}

export async function explore(wanted: ExploreJob): Promise<Outcome> {
  if (wanted.question.shard !== null && (wanted.measure !== null || wanted.emit !== null))
    return outcome({
      diagnostics: [error("usage", null, "a shard has no front: --measure and --emit come with --merge")],
    });
  const device = await devicesOf(wanted);
  if (!device.ok) return outcome({ diagnostics: device.diagnostics });
  const question = { ...wanted.question, devices: device.value };
  const prepared = wanted.spec === null && wanted.merge !== null ? ok(null) : prepareSpec(wanted, question);
  if (!prepared.ok) return outcome({ diagnostics: prepared.diagnostics });
  const found = wanted.merge === null ? ok(await visitAll(prepared.value as Prepared, wanted)) : joined(wanted.merge);
  if (!found.ok) return outcome({ diagnostics: found.diagnostics });
  const differs = wanted.merge !== null && prepared.value !== null ? difference(found.value, prepared.value) : null;
  if (differs !== null) return outcome({ diagnostics: [error("merge-spec", null, differs)] });
  const measured = await withMeasured(found.value, prepared.value, wanted);
  if (!measured.ok) return outcome({ diagnostics: measured.diagnostics });
  const said = await conclude(measured.value, prepared.value, wanted);
  return { ...said, diagnostics: [...prepared.diagnostics, ...said.diagnostics] };
}

/** The spec read and the question understood. */
function prepareSpec({ spec, root, stdin }: ExploreJob, question: Question): Result<Prepared> {
  if (spec === null) return fail(error("usage", null, "give a spec that declares a sweep"));
  if (question.budget !== null && question.shard !== null)
    return fail(error("usage", null, "a search is one run: leave --shard out, or --budget"));
  const loaded = loadProgram(spec, root, stdin);
  if (!loaded.ok) return loaded;
  const prepared = prepare(question, loaded.value, openDevice);
  return prepared.ok ? ok(prepared.value, loaded.diagnostics) : prepared;
}

/** What the spec and options beside --merge say otherwise than the shards; kernels of the report would be of something else. */
const difference = ({ query }: Exploration, { query: given }: Prepared): string | null =>
  (["spec", "sweep", "axes", "settings"] as const).find(
    name => JSON.stringify(query[name]) !== JSON.stringify(given[name]),
  ) ?? null;

/** What is measured is compared with the model of the adapter that measures, unless devices are named. */
async function devicesOf({ question, measure, adapter }: ExploreJob): Promise<Result<readonly string[]>> {
  if (question.devices.length > 0) return ok(question.devices);
  if (measure === null) return ok(["m3-max"]);
  const found = await findAdapter(adapter);
  if (!found.ok) return found;
  return ok([found.value.kind === "gpu" ? "m3-max" : found.value.kind]);
}

/** Visits every point, says how far it has come, and on an interrupt leaves what is finished. */
async function visitAll(prepared: Prepared, wanted: ExploreJob): Promise<Exploration> {
  const variants: Variant[] = [];
  let visited = 0;
  const leave = onInterrupt(() => {
    const partial = prepared.finish(visited, variants, false);
    writeNow(1, printed(partial, wanted.as));
    if (wanted.folder !== null) writeTables(partial, wanted.folder);
    writeNow(2, `cnxc: interrupted after ${visited} of ${prepared.count} variants\n`);
  });
  const start = performance.now();
  let told = start;
  let turned = start;
  for (const variant of prepared.visits()) {
    visited++;
    if (variant !== null) variants.push(variant);
    const now = performance.now();
    if (now - turned > 50) {
      await turn(); // signals are heard between turns of the event loop
      turned = performance.now();
    }
    if (now - told < 1000) continue;
    told = now;
    const left = ((now - start) / visited) * (prepared.count - visited);
    progress(`${visited} of ${prepared.count} variants, ${Math.ceil(left / 1000)} s left`);
  }
  leave();
  return prepared.finish(visited, variants, true);
}

/** All of a text, before anything else happens; a pipe takes as much as it has room for. */
function writeNow(descriptor: number, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(descriptor, rest));
    } catch (cause) {
      if (errnoOf(cause) !== "EAGAIN") throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // until the reader has made room
    }
  }
}

function printed(exploration: Exploration, as: ExploreJob["as"]): string {
  if (as === "csv") return csvOf(exploration);
  if (as === "json") return render(outcome({ result: { ...exploration } }), true).stdout;
  return table(exploration);
}

/** The front of a search, else the first rows. */
function table(exploration: Exploration): string {
  const { variants, front, search, query, visited, shard } = exploration;
  const best = new Set(front);
  const rows = search === null ? variants.slice(0, shownRows) : variants.filter(({ index }) => best.has(index));
  const where = shard === null ? "" : ` of shard ${shard.index} of ${shard.of}`;
  const head = `${visited} points visited${where}, ${variants.length} variants; * marks the front of ${query.front.join(" and ")}\n`;
  const more = search === null && variants.length > rows.length ? `… and ${variants.length - rows.length} more\n` : "";
  const plot = scatterOf(exploration, process.stdout.isTTY ? process.stdout.columns : 0);
  return `${head}\n${tableOf(exploration, rows)}${more}${plot === "" ? "" : `\n${plot}`}`;
}

const mostBytes = 2 ** 30;

function joined(files: readonly string[]): Result<Exploration> {
  const parts: Exploration[] = [];
  for (const file of files) {
    const bytes = readFileWithin(file, mostBytes, () =>
      error("exploration-file", { file, offset: null }, "it is too large"),
    );
    if (!bytes.ok) return bytes;
    const part = readExploration(new TextDecoder().decode(bytes.value), file);
    if (!part.ok) return part;
    parts.push(part.value);
  }
  return merge(parts);
}

function readExploration(text: string, file: string): Result<Exploration> {
  const bad = (why: string) => fail(error("exploration-file", { file, offset: null }, why));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return bad("it is no JSON, or cut");
  }
  const whole = (json ?? {}) as { readonly result?: unknown };
  const { format, query, variants } = (whole.result ?? whole ?? {}) as Partial<Exploration>;
  if (format !== "cnxc-exploration-1") return bad("its format is not 'cnxc-exploration-1'");
  if (typeof query !== "object" || !Array.isArray(variants)) return bad("it has no query or no variants");
  return ok((whole.result ?? whole) as Exploration);
}

/** Times the first of the front on the adapter at hand, and puts that beside what was predicted. */
async function withMeasured(
  found: Exploration,
  prepared: Prepared | null,
  { measure: wanted, adapter }: ExploreJob,
): Promise<Result<Exploration>> {
  if (wanted === null) return ok(found);
  if (prepared === null) return fail(error("usage", null, "--measure needs the spec"));
  const at = await findAdapter(adapter);
  if (!at.ok) return at;
  const { kind } = at.value;
  const column = prepared.subjects.findIndex(({ device }) => device.tuning === kind);
  const subject = prepared.subjects[column];
  if (subject === undefined)
    return fail(error("usage", null, `--measure runs on ${kind} here, which no --device is about; add one that is`));
  const front = found.front.slice(0, wanted);
  const models = front.map(index => (pointAt(prepared.sweep, index) as { readonly model: Model }).model);
  const { dtype, batch } = subject.setting;
  const times = await measure(
    kind,
    models.map(model => ({ model, form: { dtype, batch } })),
  );
  if (!times.ok) return times;
  const by = new Map(front.map((index, i) => [index, Number((times.value[i] as number).toPrecision(6))]));
  const variants = found.variants.map(variant => ({
    ...variant,
    estimates: variant.estimates.map((estimate, i) =>
      i === column ? { ...estimate, measured: by.get(variant.index) ?? null } : estimate,
    ),
  }));
  return ok({ ...found, variants });
}

async function conclude(found: Exploration, prepared: Prepared | null, wanted: ExploreJob): Promise<Outcome> {
  const { folder, emit, as } = wanted;
  const outputs: Output[] = [];
  const problems: Diagnostic[] = [];
  const write = async (file: string, text: string): Promise<void> => {
    const problem = await writeFile(file, [new TextEncoder().encode(text)]);
    if (problem === null) outputs.push({ path: file, status: "written" });
    else problems.push(problem);
  };
  if (emit !== null) {
    if (prepared === null) problems.push(error("usage", null, "--emit needs the spec"));
    else await write(emit, specOf(found, prepared));
  }
  if (folder !== null && problems.length === 0) {
    try {
      fs.mkdirSync(folder, { recursive: true });
      await write(path.join(folder, "rows.csv"), csvOf(found));
      await write(path.join(folder, "exploration.json"), `${JSON.stringify(found)}\n`);
      await write(path.join(folder, "report.html"), reportOf(found, prepared));
    } catch (cause) {
      problems.push(ioError(cause, folder, "make the folder"));
    }
  }
  const refused = [...(prepared?.explorer.refused ?? [])].map(
    ([why, count]) => `${count} points cannot be planned: ${why}`,
  );
  return outcome({
    diagnostics: problems,
    outputs,
    text: problems.length > 0 ? "" : as === "csv" ? csvOf(found) : table(found),
    result: { ...found },
    notes: refused,
  });
}

/** Kernels and memory of each variant are in the report where the spec is at hand. */
function reportOf(found: Exploration, prepared: Prepared | null): string {
  const details = found.variants.flatMap(({ index }) => prepared?.explorer.detail(index) ?? []);
  const devices = new Map(prepared?.subjects.map(({ device }) => [device.name, device]));
  return explorationPage(found, details, [...devices.values()]);
}

/** Without waiting: for an interrupt, after which there is no later. */
function writeTables(found: Exploration, folder: string): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "rows.csv"), csvOf(found));
  fs.writeFileSync(path.join(folder, "exploration.json"), `${JSON.stringify(found)}\n`);
}

/** The front as models of one spec, in the order of the rows. */
function specOf({ front, query, variants }: Exploration, { sweep }: Prepared): string {
  const best = new Set(front);
  return variants
    .filter(({ index }) => best.has(index))
    .map(({ index, values }) => {
      const { model } = pointAt(sweep, index) as { readonly model: Model };
      const said = query.axes.map(({ path }, i) => `${path} ${values[i]}`).join(", ");
      const text = printDraft(model, `Variant ${index} of ${query.sweep}: ${said}`);
      invariant(text.ok, "a model can be written as a spec");
      return text.value;
    })
    .join("\n");
}
