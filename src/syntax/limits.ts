/** How large a spec may be. Each limit is far above what a person writes and keeps every command quick on what a
 * machine or a mistake wrote. */
export const limits = {
  /** Bytes of one file. */
  bytes: 256 * 1024,
  /** Bytes of a file of labels: a million of sixteen bytes each. */
  labelBytes: 16 * 1024 * 1024,
  /** Characters of a spec and all its imports. */
  characters: 512 * 1024,
  /** Words, numbers and signs of one file. */
  tokens: 20_480,
  /** Brackets inside brackets; the parser is recursive, and its stack is not ours. */
  nesting: 64,
  listEntries: 1024,
  stringLength: 1024,
  nameLength: 64,
  /** Models, sweeps, builds and recipes of a spec and all its imports. */
  declarations: 1024,
  files: 64,
  importDepth: 8,
} as const;
