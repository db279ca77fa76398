import { labelsOf } from "../model/labels.ts";
import { limits } from "../syntax/limits.ts";
import { inNote, isText } from "./fields.ts";

/** Labels that a note shows. */
const shownLabels = 3;

/** Names of classes for a spec, or none and perhaps a sentence that says why. */
export interface ImportedLabels {
  readonly labels: readonly string[] | null;
  readonly notes: readonly string[];
}

/** The names that a config has for its classes. Names that only count are none. */
export function importLabels(field: string, value: unknown, classes: number): ImportedLabels {
  const found = labelsOf(value);
  if ("problem" in found) return { labels: null, notes: [`${field} is left out: ${found.problem}`] };
  const { labels } = found;
  if (labels.every(label => /^LABEL_\d+$/.test(label))) return { labels: null, notes: [] };
  const leftOut = (why: string): ImportedLabels => ({
    labels: null,
    notes: [`${field} (${beginning(labels)}) ${why}`],
  });
  if (labels.length !== classes) return leftOut(`is left out: it is for ${labels.length} classes, not for ${classes}`);
  if (labels.length > limits.listEntries || !labels.every(isSayable))
    return leftOut(
      "does not fit into a spec: put the config beside it and let the head say so: " +
        'classifier { labels "config.json" }',
    );
  return { labels, notes: [] };
}

/** What a string of a spec may hold. */
const isSayable = (label: string): boolean => label.length <= limits.stringLength && /^[^"\p{C}]*$/u.test(label);

const beginning = (labels: readonly unknown[]): string =>
  `${labels.slice(0, shownLabels).filter(isText).map(inNote).join(", ")}${labels.length > shownLabels ? ", …" : ""}`;
