import type { PickleRow } from "./pickle-build.ts";
import { codeRows } from "./pickle-code.ts";
import { npzRows } from "./pickle-npz.ts";
import { stateRows } from "./pickle-state.ts";
import { zipRows } from "./pickle-zip.ts";

export type { PickleRow } from "./pickle-build.ts";

/** Files of torch.save and numpy.savez and the outcome each must give: group P of the list of bad inputs, and more. */
export const pickleCorpus: readonly PickleRow[] = [...stateRows, ...zipRows, ...codeRows, ...npzRows];

/** Those that would take memory or time without end. */
export const hostileArchives: readonly PickleRow[] = pickleCorpus.filter(({ id }) =>
  /^P(14|24|41|42|44|45)-/.test(id),
);
