import * as path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { merge } from "../../explore/finish.ts";
import { pointAt } from "../../explore/points.ts";
import { type Prepared, prepare, type Question } from "../../explore/prepare.ts";
import { explorationLimits, readExploration } from "../../explore/read.ts";
import { csvOf, shownRows, tableOf } from "../../explore/render.ts";
import { explorationPage } from "../../explore/report/page.ts";
import type { Exploration, Variant } from "../../explore/result.ts";
import { scatterOf } from "../../explore/scatter.ts";
import { printDraft } from "../../import/print-draft.ts";
import type { Model } from "../../model/model.ts";
import { measure } from "../executors/measure.ts";
import { readFileWithin } from "../files/read.ts";
import { overInput, readSoFar } from "../files/read-so-far.ts";
import { writeFile } from "../files/write-file.ts";
import { type AdapterKind, findAdapter } from "../gpu/adapters.ts";
import { openDevice } from "../inputs/devices.ts";
import { loadProgram } from "../inputs/program.ts";
import { keptNotes, type Outcome, type Output, outcome } from "../outcome/outcome.ts";
import { render } from "../outcome/render.ts";
import { publish } from "../output/publish.ts";
import { type Signal, stoppable } from "../process/interrupt.ts";
import { progress } from "../process/progress.ts";
import { version } from "../process/version.ts";

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
  const { emit } = wanted;
  if (wanted.question.shard !== null && (wanted.measure !== null || wanted.emit !== null))
    return outcome({
      diagnostics: [error("usage", null, "a shard has no front: --measure and --emit come with --merge")],
    });
  const device = await devicesOf(wanted);
  if (!device.ok) return outcome({ diagnostics: device.diagnostics });
  const question = { ...wanted.question, devices: device.value };
  const prepared = wanted.spec === null && wanted.merge !== null ? ok(null) : prepareSpec(wanted, question);
  if (!prepared.ok) return outcome({ diagnostics: prepared.diagnostics });
  const clash = emit === null ? null : overInput(emit, wanted.merge ?? []);
  if (clash !== null) return outcome({ diagnostics: [clash] });
  const warnings = prepared.diagnostics;
  const found = wanted.merge === null ? await visitAll(prepared.value as Prepared) : null;
  if (found?.endedBy) return interrupted(found, prepared.value as Prepared, wanted);
  const whole = found === null ? joined(wanted.merge ?? []) : ok(found.exploration);
  if (!whole.ok) return outcome({ diagnostics: whole.diagnostics });
  const differs = wanted.merge !== null && prepared.value !== null ? difference(whole.value, prepared.value) : null;
  if (differs !== null) return outcome({ diagnostics: [error("merge-spec", null, differs)] });
  const measured = await withMeasured(whole.value, prepared.value, wanted);
  if (!measured.ok) return outcome({ diagnostics: measured.diagnostics });
  const said = await conclude(measured.value, prepared.value, wanted);
  return { ...said, diagnostics: [...warnings, ...said.diagnostics] };
}

/** What is finished, printed and written as was asked for; its front is that of a part, so no spec is made of it. */
async function interrupted(
  { exploration, endedBy }: Visited,
  prepared: Prepared,
  wanted: ExploreJob,
): Promise<Outcome> {
  const written = wanted.folder === null ? ok([]) : await publishTables(wanted.folder, exploration, wanted, null);
  return outcome({
    diagnostics: written.diagnostics,
    outputs: written.ok ? written.value : [],
    text: printed(exploration, wanted.as),
    result: { ...exploration },
    notes: [`cnxc: interrupted after ${exploration.visited} of ${prepared.count} variants`],
    endedBy,
  });
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

/** Visits every point and says how far it has come; when it is asked to stop, what is finished stands. */
const visitAll = (prepared: Prepared): Promise<Visited> =>
  stoppable(async asked => {
    const variants: Variant[] = [];
    let visited = 0;
    const start = performance.now();
    let told = start;
    let turned = start;
    for (const variant of prepared.visits()) {
      visited++;
      if (variant !== null) variants.push(variant);
      const now = performance.now();
      if (now - turned > 50) {
        await turn(); // signals are heard between turns of the event loop
        if (asked() !== null) break;
        turned = performance.now();
      }
      if (now - told < 1000) continue;
      told = now;
      const left = ((now - start) / visited) * (prepared.count - visited);
      progress(`${visited} of ${prepared.count} variants, ${Math.ceil(left / 1000)} s left`);
    }
    return { exploration: prepared.finish(visited, variants, asked() === null), endedBy: asked() };
  });

interface Visited {
  readonly exploration: Exploration;
  readonly endedBy: Signal | null;
}

function printed(exploration: Exploration, as: ExploreJob["as"]): string {
  const text = as === "csv" ? csvOf(exploration) : table(exploration);
  return render(outcome({ text, result: { ...exploration } }), as === "json").stdout;
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

function joined(files: readonly string[]): Result<Exploration> {
  const parts: Exploration[] = [];
  for (const file of files) {
    const bytes = readFileWithin(file, explorationLimits.bytes, size =>
      error("exploration-file", { file, offset: null }, `it has ${size} bytes, more than ${explorationLimits.bytes}`),
    );
    if (!bytes.ok) return bytes;
    const part = readExploration(bytes.value, file);
    if (!part.ok) return part;
    parts.push(part.value);
  }
  return merge(parts);
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
  if (emit !== null && prepared === null)
    return outcome({ diagnostics: [error("usage", null, "--emit needs the spec")] });
  const outputs: Output[] = [];
  if (folder !== null) {
    const written = await publishTables(folder, found, wanted, reportOf(found, prepared));
    if (!written.ok) return outcome({ diagnostics: written.diagnostics });
    outputs.push(...written.value);
  }
  if (emit !== null && prepared !== null) {
    const problem = await writeFile(emit, [new TextEncoder().encode(specOf(found, prepared))]);
    if (problem !== null) return outcome({ diagnostics: [problem], outputs });
    outputs.push({ path: emit, status: "written" });
  }
  const refused = [...(prepared?.explorer.refused ?? [])].map(
    ([why, count]) => `${count} points cannot be planned: ${why}`,
  );
  const kept = outputs.flatMap(({ path: name, status }) => (status === "kept" ? [name] : []));
  return outcome({
    outputs,
    text: as === "csv" ? csvOf(found) : table(found),
    result: { ...found },
    notes: [...refused, ...keptNotes(kept)],
  });
}

/** All files of a folder, or those that were there before. */
async function publishTables(
  folder: string,
  found: Exploration,
  { root }: ExploreJob,
  report: string | null,
): Promise<Result<readonly Output[]>> {
  const { spec, ...query } = found.query;
  const published = await publish({
    directory: folder,
    inputs: [...readSoFar().values()],
    project: root ?? process.cwd(),
    followOutside: false,
    files: [
      { path: "rows.csv", contents: csvOf(found) },
      { path: "exploration.json", contents: `${JSON.stringify(found)}\n` },
      ...(report === null ? [] : [{ path: "report.html", contents: report }]),
    ],
    origin: { compiler: version, specs: [{ name: "explore", sha256: spec }], options: query },
  });
  if (!published.ok) return published;
  const { written, unchanged, removed, kept } = published.value;
  const outputs = { written, unchanged, removed, kept } as const;
  return ok(
    Object.entries(outputs).flatMap(([status, names]) =>
      names.map(name => ({ path: path.join(folder, name), status: status as keyof typeof outputs })),
    ),
  );
}

/** Kernels and memory of each variant are in the report where the spec is at hand. */
function reportOf(found: Exploration, prepared: Prepared | null): string {
  const details = found.variants.flatMap(({ index }) => prepared?.explorer.detail(index) ?? []);
  const devices = new Map(prepared?.subjects.map(({ device }) => [device.name, device]));
  return explorationPage(found, details, [...devices.values()]);
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
