/** What of the network a value belongs to. Its module's parameters are of the same scope. */
export interface Scope {
  readonly part: Part;
  /** Which block of that part it is inside of, or the result of; null outside the blocks. */
  readonly block: number | null;
}

/**
 * The stem with the inputs; a stage, by its number, with the downsampling before it; what stands behind the stages. A
 * graph that was read from text does not say.
 */
export type Part = "stem" | number | "head" | "decoder" | "unknown";

/** Of what was read from text. */
export const unknownScope: Scope = { part: "unknown", block: null };

/** `stem`, `stages.0`, `decoder`: a stage's name is the path of its module. */
export const partName = (part: Part): string => (typeof part === "number" ? `stages.${part}` : part);

/** The path of the block's module, with which the name of every value in it begins; null outside the blocks. */
export const blockPath = ({ part, block }: Scope): string | null =>
  block === null ? null : `${partName(part)}.${block}`;

/** What the value is called in another block of its part; outside the blocks it has one name. */
export const nameInBlock = (id: string, scope: Scope, block: number | string): string => {
  const path = blockPath(scope);
  return path === null ? id : `${partName(scope.part)}.${block}${id.slice(path.length)}`;
};
