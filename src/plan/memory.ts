import { invariant } from "../diagnostics/invariant.ts";

/** A value that lives in scratch memory from the step that writes it to the last step that reads it. */
export interface Lifetime {
  readonly name: string;
  /** Bytes of one sample; the offset scales with the batch the same way, so one layout fits every batch. */
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
  /** Values in use by the step that writes this one: they must lie in other arenas. */
  readonly apart: readonly string[];
}

/** Bytes into a scratch arena, by its index, or into the allocation of all weights. */
export interface Slot<Arena extends number | "weights" = number | "weights"> {
  readonly arena: Arena;
  readonly offset: number;
}

export interface Layout {
  readonly slots: ReadonlyMap<string, Slot<number>>;
  /** Bytes of each arena, one sample. */
  readonly arenas: readonly number[];
}

/**
 * Lays values out in few arenas. A step may not read and write the same GPU buffer (WebGPU's usage scopes), so what it
 * writes goes to another arena than what it reads; within an arena, values whose lifetimes do not meet share bytes.
 * Each value goes where it makes the whole grow least, at the lowest offset that is free during its life. They come by
 * their first step, so that only those which still live are in the way: the work grows with the values times those that
 * live at once.
 */
export function layOut(values: readonly Lifetime[], alignment: number): Layout {
  const slots = new Map<string, Slot<number>>();
  const arenas: number[] = [];
  let placed: readonly { readonly value: Lifetime; readonly slot: Slot<number>; readonly end: number }[] = [];
  for (const value of inOrder(values)) {
    placed = placed.filter(({ value: { to } }) => to >= value.from);
    const size = Math.ceil(value.bytes / alignment) * alignment;
    const taken = new Set(value.apart.map(name => slots.get(name)?.arena));
    // A new arena comes first: among equals, it keeps the others free for their own chains.
    const candidates = [arenas.length, ...arenas.keys()].filter(arena => !taken.has(arena));
    const choices = candidates.map(arena => {
      const neighbours = placed.filter(p => p.slot.arena === arena).sort((a, b) => a.slot.offset - b.slot.offset);
      let offset = 0;
      for (const other of neighbours) if (offset + size > other.slot.offset) offset = Math.max(offset, other.end);
      return { arena, offset, growth: Math.max(0, offset + size - (arenas[arena] ?? 0)) };
    });
    const best = choices.reduce((a, b) => (b.growth < a.growth ? b : a));
    arenas[best.arena] = Math.max(arenas[best.arena] ?? 0, best.offset + size);
    const slot = { arena: best.arena, offset: best.offset };
    slots.set(value.name, slot);
    placed = [...placed, { value, slot, end: best.offset + size }];
  }
  return { slots, arenas };
}

/** No two values that live at once share a byte, none lies beyond its arena or in that of what it must be apart from. */
export function verifyLayout(values: readonly Lifetime[], layout: Layout): void {
  const at = (name: string): Slot<number> => {
    const slot = layout.slots.get(name);
    invariant(slot, `no slot for '${name}'`);
    return slot;
  };
  for (const { name, bytes } of values) {
    const { arena, offset } = at(name);
    invariant(offset + bytes <= (layout.arenas[arena] ?? 0), `'${name}' ends beyond arena ${arena}`);
  }
  let alive: readonly Lifetime[] = [];
  for (const b of inOrder(values)) {
    for (const name of b.apart) {
      invariant(layout.slots.get(name)?.arena !== at(b.name).arena, `'${b.name}' shares an arena with '${name}'`);
    }
    alive = alive.filter(({ to }) => to >= b.from);
    for (const a of alive) {
      const [p, q] = [at(a.name), at(b.name)];
      const overlap = p.offset < q.offset + b.bytes && q.offset < p.offset + a.bytes;
      invariant(!(p.arena === q.arena && overlap), `'${a.name}' and '${b.name}' share bytes while both are alive`);
    }
    alive = [...alive, b];
  }
}

const inOrder = (values: readonly Lifetime[]): readonly Lifetime[] =>
  [...values].sort((a, b) => a.from - b.from || compare(a.name, b.name));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
