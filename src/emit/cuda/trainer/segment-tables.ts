import { invariant } from "../../../diagnostics/invariant.ts";
import type { ValueId } from "../../../graph/graph.ts";
import { alignment } from "../../../plan/place.ts";
import { type Buffer, bufferOf, bytesOf, type DataType, type Plan, valueBy } from "../../../plan/plan.ts";
import { roundUp } from "../../../plan/tiles/tile.ts";
import { entriesOf, packings, workspaceOf } from "../launch-plan.ts";
import { identifier, portsOf } from "../ports.ts";
import type { TrainingSegment } from "./segments.ts";
import type { TrainerState } from "./state.ts";

/** Bytes of values side by side: those of one image, and those that all images share. */
interface Shelf {
  readonly at: ReadonlyMap<ValueId, number>;
  /** Bytes behind a value that nothing writes. */
  readonly gaps: readonly { readonly at: number; readonly bytes: number; readonly perImage: boolean }[];
  readonly each: number;
  readonly fixed: number;
}

function shelfOf(buffers: readonly Buffer[]): Shelf {
  const at = new Map<ValueId, number>();
  const gaps: Shelf["gaps"][number][] = [];
  const ends = { each: 0, fixed: 0 };
  for (const buffer of buffers) {
    const end = buffer.perImage ? "each" : "fixed";
    const bytes = bytesOf(buffer);
    const gap = roundUp(bytes, alignment) - bytes;
    at.set(buffer.name, ends[end]);
    if (gap > 0) gaps.push({ at: ends[end] + bytes, bytes: gap, perImage: buffer.perImage });
    ends[end] += bytes + gap;
  }
  return { at, gaps, ...ends };
}

/** A value that goes from one segment to another: how many of which type, of an image or in all. */
function tensorOf(plan: Plan, value: ValueId) {
  const { elements, perImage, storage } = bufferOf(plan, value);
  return { elements, perImage, type: storage as Exclude<DataType, "i32" | "u32"> };
}

/** What the tables of all segments hold, for their templates. */
export function segmentTables(plan: Plan, state: TrainerState, segments: readonly TrainingSegment[]) {
  const names = entriesOf(plan.steps);
  const entries = new Map(plan.steps.map((step, i) => [step, names[i]]));
  const packed = packings(plan);
  const layers = new Map(plan.setup.map((step, i) => [step, packed[i]?.layer]));
  const operandCount = Math.max(...plan.steps.map(({ operands }) => operands.length));
  const ports = portsOf({ ...plan, outputs: [] });
  const number = new Map(plan.params.map(({ name }, i) => [name, i]));
  const parameter = (name: string): number => number.get(name) as number;

  const tables = segments.map((segment, index) => {
    const saved = shelfOf(segment.saved.map(value => bufferOf(plan, value)));
    const places = segment.params.map(name => state.learned.get(name));
    const begin = Math.min(...places.map(of => of?.place ?? 0));
    const gradients = new Map(places.map(of => [of?.gradient ?? "", 4 * ((of?.place ?? 0) - begin)]));
    const elements = state.segments.find(({ name }) => name === segment.name)?.elements ?? 0;
    const roles: readonly (readonly [value: ValueId | null, place: string])[] = [
      [segment.given, "given"],
      [segment.made, "made"],
      [segment.gradientOfGiven, "given_gradient"],
      [segment.gradientOfMade, "made_gradient"],
    ];

    const part = (of: Plan) => {
      const weights = shelfOf([...of.buffers.values()].filter(({ role }) => role === "packed"));
      const homeOf = (buffer: Buffer): readonly [place: string, at: number] => {
        const { name, role, slot, perImage } = buffer;
        const [, place] = roles.find(([value]) => value === name) ?? [];
        const input = segment.inputs.findIndex(port => port.buffer === name);
        if (place !== undefined) return [place, 0];
        if (gradients.has(name)) return ["gradients", gradients.get(name) as number];
        if (saved.at.has(name)) return [perImage ? "saved" : "saved_fixed", saved.at.get(name) as number];
        if (input >= 0) return ["input", input];
        if (role === "param") return ["param", parameter(name)];
        if (role === "packed") return ["packed", weights.at.get(name) as number];
        if (role === "counters") return ["counters", 0];
        invariant(slot && role === "scratch", `'${name}' of ${segment.name} has no place`);
        return [perImage ? "workspace" : "fixed", slot.offset];
      };
      const touched = [...new Set(of.steps.flatMap(({ operands }) => operands.map(({ value }) => value)))];
      const values = touched.map(name => {
        const [place, at] = homeOf(bufferOf(of, name));
        return { name, place, at };
      });
      const rows = new Map(touched.map((name, i) => [name, i]));
      return {
        values,
        setup: of.setup.map(step => ({
          layer: layers.get(step),
          packed: weights.at.get(valueBy(step, "packed") ?? ""),
          packedBias: weights.at.get(valueBy(step, "packed_bias") ?? ""),
        })),
        steps: of.steps.map(step => ({
          name: step.name,
          entry: entries.get(step),
          operands: Array.from({ length: operandCount }, (_, i) => rows.get(step.operands[i]?.value ?? "") ?? -1).join(
            ", ",
          ),
        })),
        packedBytes: weights.fixed,
        ...workspaceOf(of),
      };
    };
    return {
      name: segment.name,
      index,
      parts: [
        { id: `forward_${index}`, ...part(segment.forward) },
        { id: `backward_${index}`, ...part(segment.backward) },
      ],
      params: segment.params.map((name, i) => ({
        name,
        number: parameter(name),
        at: (places[i]?.place ?? 0) - begin,
      })),
      inputs: segment.inputs.map(({ buffer }) => ports.find(port => port.name === identifier(buffer))),
      given: segment.given === null ? null : tensorOf(plan, segment.given),
      made: tensorOf(plan, segment.made),
      gaps: saved.gaps,
      savedBytes: saved.each,
      savedFixedBytes: saved.fixed,
      gradients: elements,
    };
  });
  return { segments: tables, operandCount };
}
