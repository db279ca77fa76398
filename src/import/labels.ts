import { inNote, isText } from "./fields.ts";

/** Labels that a note shows. */
const shownLabels = 3;

/** A note of the names that a config has for its classes: a spec holds none. Names that only count are no news. */
export function labelNotes(field: string, labels: readonly unknown[]): readonly string[] {
  if (labels.every(label => isText(label) && /^LABEL_\d+$/.test(label))) return [];
  const told = `${labels.slice(0, shownLabels).map(inNote).join(", ")}${labels.length > shownLabels ? ", …" : ""}`;
  return [`a spec holds no labels, so those of ${field} (${told}) are left out: cnxc classify takes them by --labels`];
}
