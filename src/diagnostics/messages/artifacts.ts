import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What can be wrong with what cnxc has written, read back: a manifest, its files, an ONNX graph. */
export const artifactMessages = {
  "artifact-manifest": {
    kind: "E_O_FORMAT",
    text: (why: string) => `cnxc.manifest.json ${why}, so the folder cannot be checked; compile it again`,
  },
  "artifact-newer": {
    kind: "E_O_VERSION",
    text: (theirs: string, ours: string) =>
      `a newer cnxc wrote the folder, ${quoted(theirs)}, and this is ${ours}; check it with that one`,
  },
  "artifact-path": {
    kind: "E_O_PATH",
    text: (path: string, why: string) => `the path ${quoted(path)} ${why}, and is not followed`,
  },
  "artifact-changed": {
    kind: "E_CHECK",
    text: (how: string) => `the file is not as the compiler wrote it: ${how}`,
  },
  "artifact-missing": { kind: "E_CHECK", text: () => "the file is missing; the compiler wrote it" },
  "artifact-unfinished": {
    kind: "W_O",
    text: (folder: string) =>
      `an earlier run was ended while it replaced the folder: what of yours was in it may lie in ${quoted(folder)}, and comes back with the next compile`,
  },
  "onnx-wire": { kind: "E_O_FORMAT", text: (why: string) => `the ONNX file is broken: ${why}` },
  "onnx-foreign": {
    kind: "E_O_FORMAT",
    text: (what: string) =>
      `the ONNX file was not written by cnxc, and verify checks no others: it has ${what}; give it what cnxc compile wrote`,
  },
  "onnx-version": {
    kind: "E_O_VERSION",
    text: (found: string, known: string) => `the ONNX file has ${found}; cnxc knows ${known}`,
  },
  "onnx-graph": { kind: "E_O_FORMAT", text: (why: string) => `the ONNX graph is not as cnxc writes it: ${why}` },
  "onnx-data": {
    kind: "E_O_FORMAT",
    text: (name: string, why: string) => `the data of initializer ${quoted(name)} ${why}`,
  },
  "onnx-shape": {
    kind: "E_O_SHAPE",
    text: (node: string, why: string) => `${quoted(node)} cannot have its shape: ${why}`,
  },
  "onnx-external-key": {
    kind: "W_O",
    text: (name: string, keys: readonly string[], more: number) =>
      `the external data of initializer ${quoted(name)} has the key ${keys.map(quoted).join(", ")}${more === 0 ? "" : ` and ${more} more`}, which is ignored`,
  },
} as const satisfies Record<string, Message>;
