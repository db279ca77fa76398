import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What can be wrong with an index of shards, or with its shards against it. */
export const shardMessages = {
  "index-no-map": {
    kind: "E_W_FORMAT",
    text: () => "the file is JSON text without a weight_map, so it is no index of shards",
  },
  "index-alone": {
    kind: "E_W_MISSING",
    text: () => "the file is an index of shards, and there are no files beside it here",
  },
  "index-limit-bytes": {
    kind: "E_W_LIMIT",
    text: (bytes: number, most: number) => `the index has ${bytes} bytes, more than the ${most} it may have`,
  },
  "index-limit-shards": { kind: "E_W_LIMIT", text: (most: number) => `the index names more than ${most} shards` },
  "shard-path": { kind: "E_O_PATH", text: (shard: string, why: string) => `the shard ${quoted(shard)} ${why}` },
  "shard-outside": {
    kind: "E_O_PATH",
    text: (shard: string, target: string) =>
      `the shard ${quoted(shard)} is a link that leaves the folder of the index, to ${quoted(target)}`,
  },
  "shard-twice": {
    kind: "E_W_DUPKEY",
    text: (shard: string, other: string) => `the shards ${quoted(shard)} and ${quoted(other)} are one file`,
  },
  "shard-missing": {
    kind: "E_W_MISSING",
    text: (shard: string) => `the shard ${quoted(shard)} is not beside the index`,
  },
  "shard-lacks": {
    kind: "E_W_MISSING",
    text: (tensor: string, shard: string) => `the index puts ${quoted(tensor)} into ${quoted(shard)}, which lacks it`,
  },
  "shard-other": {
    kind: "E_W_DUPKEY",
    text: (tensor: string, owner: string) =>
      `tensor ${quoted(tensor)} is in this shard, but the index puts it into ${quoted(owner)}`,
  },
  "shard-extra": {
    kind: "E_W_EXTRA",
    text: (tensor: string) => `tensor ${quoted(tensor)} is in a shard and not in the index`,
  },
} as const satisfies Record<string, Message>;
