import { invariant } from "../diagnostics/invariant.ts";
import { elements, type Node } from "./graph.ts";
import type { Dim, PatchGrid, TensorType } from "./ops.ts";

// What the rules of inference are written with.

/** Operand access and checks for one node; every failure names the node. */
export interface Shapes {
  readonly at: (index: number) => TensorType;
  readonly count: (expected: number) => void;
  /** Whether there are so many operands. */
  readonly fits: (expected: number) => boolean;
  readonly check: (condition: boolean, what: string) => void;
  readonly map: (index: number) => readonly [Dim, number, number, number];
}

export function shapes(node: Node, operands: readonly TensorType[]): Shapes {
  // Said only when it is wrong: most of the compiler's time went into sentences that nobody read.
  const check = (condition: boolean, what: string): void => {
    if (condition) return;
    const given = operands.map(t => `[${t.shape}]`).join(", ");
    invariant(false, `${node.op} '${node.id}': ${what}; operands ${given}`);
  };
  const at = (index: number): TensorType => {
    const type = operands[index];
    invariant(type, `${node.op} '${node.id}' has no operand ${index}`);
    return type;
  };
  return {
    at,
    check,
    fits: expected => operands.length === expected,
    count: expected => check(operands.length === expected, `takes ${expected} operands`),
    map: index => {
      const [n, a, b, c] = at(index).shape;
      check(
        at(index).shape.length === 4 && typeof a === "number" && typeof b === "number" && typeof c === "number",
        `operand ${index} is not a map`,
      );
      return [n as Dim, a as number, b as number, c as number];
    },
  };
}

export const f32 = (...shape: readonly Dim[]): TensorType => ({ dtype: "f32", shape });
/** A vector in any official spelling: [C] or [1,1,1,C]. */
export const isVector = (type: TensorType, length: number): boolean =>
  elements(type) === length && type.shape.at(-1) === length && type.shape[0] !== "N";

export const same = (s: Shapes): TensorType => {
  s.count(1);
  return s.at(0);
};

export const checkDepthwise = (s: Shapes, c: number, kernel: number): void => {
  s.check(kernel % 2 === 1, "the kernel is odd");
  s.check(s.at(1).shape.join() === [c, 1, kernel, kernel].join(), `weight is [${c},1,${kernel},${kernel}]`);
  s.check(isVector(s.at(2), c), `bias has ${c} elements`);
};

export const i32 = (...shape: readonly Dim[]): TensorType => ({ dtype: "i32", shape });

/** Operand `index` is one value a patch, or a table of the grid. */
export const checkPatches = (s: Shapes, index: number, length: number, dtype: TensorType["dtype"]): void => {
  const { shape, dtype: found } = s.at(index);
  s.check(shape.join() === ["N", length].join() && found === dtype, `operand ${index} is ${dtype} [N,${length}]`);
};

/** Sites of a patch down and across, on a whole map. */
export const patchSites = (s: Shapes, { rows, columns, keep }: PatchGrid): readonly [number, number] => {
  const [, h, w] = s.map(0);
  s.check(h % rows === 0 && w % columns === 0, `${h}x${w} is not cut evenly by ${rows}x${columns} patches`);
  s.check(keep >= 1 && keep <= rows * columns, `keeps ${keep} of ${rows * columns} patches`);
  return [h / rows, w / columns];
};

export const tableLength = ({ rows, columns, keep }: PatchGrid): number => rows * columns + keep;
