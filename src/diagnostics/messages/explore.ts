import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What can be wrong with a question about variants, and with the files that it takes. */
export const exploreMessages = {
  "device-file": {
    kind: "E_O_FORMAT",
    text: (field: string, wants: string) => `${quoted(field)} of a device file must be ${wants}`,
  },
  "calibration-impossible": {
    kind: "E_CHECK",
    text: (why: readonly string[]) => `no device is like what was fitted to the times: ${why.join("; ")}`,
  },
  "unknown-device": {
    kind: "E_USAGE",
    text: (name: string, known: string, nearest: string | null) =>
      `no device ${quoted(name)}${nearest === null ? "" : `; did you mean ${quoted(nearest)}?`}; there are ${known}, or give the path of a device file (cnxc calibrate writes one)`,
  },
  "device-dtype": {
    kind: "E_USAGE",
    text: (device: string, dtype: string, known: string) =>
      `device ${quoted(device)} has no rates for ${dtype}; it has ${known}`,
  },
  "unknown-column": {
    kind: "E_USAGE",
    text: (name: string, option: string, known: string, nearest: string | null) =>
      `${option}: no column ${quoted(name)}${nearest === null ? "" : `; did you mean ${quoted(nearest)}?`}; there are ${known}`,
  },
  "bad-condition": {
    kind: "E_USAGE",
    text: (option: string, text: string, example: string) =>
      `${option}: cannot read ${quoted(text)}; write it like ${example}`,
  },
  "sweep-needed": {
    kind: "E_USAGE",
    text: (spec: string, known: string) => `${quoted(spec)} has several sweeps; choose one with --sweep: ${known}`,
  },
  "no-sweep": {
    kind: "E_USAGE",
    text: (spec: string) => `${quoted(spec)} declares no sweep; docs/explore.md shows how one is written`,
  },
  "unknown-sweep": {
    kind: "E_USAGE",
    text: (name: string, known: string, nearest: string | null) =>
      `no sweep ${quoted(name)}${nearest === null ? "" : `; did you mean ${quoted(nearest)}?`}; there are ${known}`,
  },
  "exploration-file": {
    kind: "E_O_FORMAT",
    text: (why: string) => `this is no exploration that cnxc explore --json wrote: ${why}`,
  },
  "shards-differ": {
    kind: "E_O_FORMAT",
    text: (what: string) =>
      `the parts are not of one exploration: ${what} differs; run every shard with the same spec and options`,
  },
  "merge-spec": {
    kind: "E_USAGE",
    text: (what: string) =>
      `the spec beside --merge is not what the shards explored: ${what} differs; give the spec, --sweep, --device, --dtype and --batch that they had`,
  },
  "shards-incomplete": {
    kind: "E_O_FORMAT",
    text: (why: string) => `the parts do not make up the whole: ${why}`,
  },
} as const satisfies Record<string, Message>;
