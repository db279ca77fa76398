import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

const orNearest = (nearest: string | null) => (nearest === null ? "" : `, did you mean ${quoted(nearest)}?`);

/** What can be wrong with a command line, a file system, a device or a run. */
export const machineMessages = {
  usage: { kind: "E_USAGE", text: (what: string) => what },
  "unknown-command": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null) => `unknown command ${quoted(name)}${orNearest(nearest)}`,
  },
  "unknown-option": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null) => `unknown option ${quoted(name)}${orNearest(nearest)}`,
  },
  "bad-option-value": {
    kind: "E_USAGE",
    text: (option: string, value: string, expected: string) => `${option} is ${quoted(value)}, expected ${expected}`,
  },
  "tf32-misplaced": {
    kind: "E_USAGE",
    text: (what: string, remedy: string) =>
      `--tf32 multiplies f32 on CUDA's tensor cores, not ${what}; leave it out, or give ${remedy}`,
  },
  "calibrate-misplaced": {
    kind: "E_USAGE",
    text: (needed: string) => `--calibrate needs ${needed}`,
  },
  "torch-misplaced": {
    kind: "E_USAGE",
    text: (targets: string) =>
      `--torch makes operators beside a CUDA library, not for ${targets}; leave it out, or give --target cuda`,
  },
  "cuda-tuning-misplaced": {
    kind: "E_USAGE",
    text: (targets: string) =>
      `--cuda-tuning is for CUDA libraries, not for ${targets}; leave it out, or give --target cuda`,
  },
  "tuning-table": {
    kind: "E_USAGE",
    text: (where: string, expected: string) =>
      `this is no tuning table: ${where} is not ${expected}; cnxc tune writes tables`,
  },
  "tuning-architecture": {
    kind: "E_USAGE",
    text: (found: string, wanted: string) => `this table is for ${found}, not for ${wanted}; give another file`,
  },
  "tuning-unknown": {
    kind: "E_USAGE",
    text: (name: string, known: string) =>
      `there is neither a file ${quoted(name)} nor a table of that name; tables that cnxc has: ${known}`,
  },
  "bad-path": { kind: "E_USAGE", text: (why: string) => `the path ${why}` },

  "file-not-found": { kind: "E_IO_NOTFOUND", text: () => "there is no such file or directory" },
  "current-directory-gone": { kind: "E_IO_NOTFOUND", text: () => "the current directory has been deleted" },
  "output-vanished": {
    kind: "E_IO_NOTFOUND",
    text: () => "the output directory was removed while it was being written",
  },
  "not-a-file": { kind: "E_IO_NOTFILE", text: (what: string) => `expected a regular file, found ${what}` },
  "not-a-directory": { kind: "E_IO_NOTFILE", text: (what: string) => `expected a directory, found ${what}` },
  "permission-denied": { kind: "E_IO_PERM", text: (action: string) => `no permission to ${action}` },
  "read-only": { kind: "E_IO_READONLY", text: (action: string) => `the file system is read-only, cannot ${action}` },
  "no-space": {
    kind: "E_IO_NOSPACE",
    text: () => "no space is left on the device; what was there before is untouched",
  },
  "output-locked": {
    kind: "E_IO_LOCKED",
    text: (holder: string, seconds: number) =>
      `${holder} is writing to this directory and did not finish within ${seconds} s`,
  },
  "output-lock-lost": {
    kind: "E_IO_LOCKED",
    text: () =>
      "another cnxc took over while this one stood still, and what it wrote was left as it is; run the command again",
  },
  "output-foreign": {
    kind: "E_IO_UNSAFE",
    text: (example: string) =>
      `the output directory is not empty and was not written by cnxc, it holds ${quoted(example)}; choose an empty or new one`,
  },
  "output-of-another": {
    kind: "E_IO_UNSAFE",
    text: (spec: string) =>
      `what lies here was made from another spec, ${quoted(spec)}; compile to another -o, or delete it where that spec is no more`,
  },
  "output-holds-input": {
    kind: "E_IO_UNSAFE",
    text: (input: string) => `the output directory holds the input ${quoted(input)}; choose another directory`,
  },
  "output-edited": {
    kind: "E_IO_UNSAFE",
    text: (more: number) =>
      `the file is not as cnxc wrote it${more === 0 ? "" : more === 1 ? ", nor is another" : `, nor are ${more} others`}, and would be replaced; move it away to keep it, or delete it`,
  },
  "result-over-input": {
    kind: "E_IO_UNSAFE",
    text: (input: string) =>
      `the result would take the place of '${input}', which the command reads; choose another file`,
  },
  "output-outside": {
    kind: "E_IO_UNSAFE",
    text: (target: string) =>
      `the output directory is a link that leaves the project, to ${quoted(target)}; name that directory itself, or pass --out-follow`,
  },
  "output-unfinished": {
    kind: "E_IO_UNSAFE",
    text: (entry: string, folder: string) =>
      `an earlier run was ended while it replaced the output, and '${entry}' of yours, which lies in '${folder}', cannot go back, since there is another in its place; move one of them away`,
  },
  "output-redirected": {
    kind: "E_IO_UNSAFE",
    text: (entry: string) => `${quoted(entry)} became a link or another directory while the output was being written`,
  },
  "output-damaged": {
    kind: "E_IO_UNSAFE",
    text: (why: string) => `cnxc.manifest.json ${why}, so cnxc cannot tell its files from yours; remove or repair it`,
  },
  "output-newer": {
    kind: "E_IO_UNSAFE",
    text: (version: string) => `the output directory was written by a newer cnxc (${version})`,
  },
  "file-changed": { kind: "E_IO_CHANGED", text: () => "the file changed while it was being read" },
  "pipe-closed": { kind: "E_IO_PIPE", text: () => "the reader of standard output went away" },
  io: { kind: "E_IO_OTHER", text: (action: string, reason: string) => `cannot ${action}: ${reason}` },

  "output-stale": { kind: "E_CHECK", text: () => "the file differs from what the compiler gives now" },
  "output-missing": { kind: "E_CHECK", text: () => "the file is missing" },
  "output-extra": { kind: "E_CHECK", text: () => "the compiler no longer gives this file" },
  "not-formatted": { kind: "E_CHECK", text: () => "the spec is not formatted; run cnxc fmt" },
  "format-too-large": {
    kind: "E_SPEC_LIMIT",
    text: (why: string) =>
      `laid out in the one way, no command would read the spec any more (${why}); it stays as it is`,
  },
  mismatch: { kind: "E_CHECK", text: (what: string) => what },

  "no-adapter": {
    kind: "E_T_ADAPTER",
    text: (wanted: string, tried: string) =>
      `found no WebGPU adapter for ${quoted(wanted)}${tried === "" ? "" : ` (${tried})`}`,
  },
  "missing-tool": {
    kind: "E_T_TOOL",
    text: (name: string, purpose: string, how: string) => `${purpose} needs ${name}, which is not installed; ${how}`,
  },
  "tool-failed": { kind: "E_T_TOOL", text: (name: string, reason: string) => `${name} cannot be used here: ${reason}` },

  "device-refused": { kind: "E_T_LIMIT", text: (why: string) => why },
  "run-refused": { kind: "E_R_INPUT", text: (why: string) => why },

  "device-lost": { kind: "E_R_LOST", text: (reason: string) => `the device was lost: ${reason}` },
  "out-of-gpu-memory": { kind: "E_R_OOM", text: (why: string) => why },
  "run-input": {
    kind: "E_R_INPUT",
    text: (name: string, found: string, expected: string) => `input ${quoted(name)} is ${found}, expected ${expected}`,
  },
  "run-mask": {
    kind: "E_R_INPUT",
    text: (name: string, why: string) => `input ${quoted(name)} is no mask of this model: ${why}`,
  },
  "mask-unused": {
    kind: "E_USAGE",
    text: (model: string) => `${quoted(model)} has no mask to draw; --mask is for models with head fcmae`,
  },
  "image-or-input": {
    kind: "E_USAGE",
    text: () => "name what is to be reconstructed: pictures by --image, or a file of pixel_values by --input, not both",
  },
  "image-format": {
    kind: "E_R_INPUT",
    text: (what: string | null) =>
      what === null
        ? "the file is neither a PNG nor a JPEG nor a WebP image"
        : `the file is ${what}, neither a PNG nor a JPEG nor a WebP image; those are read`,
  },
  "image-broken": { kind: "E_R_INPUT", text: (why: string) => `the image cannot be decoded: ${why}` },
  "image-changed": {
    kind: "E_R_INPUT",
    text: (before: number, now: number) =>
      `the file had ${before} bytes when the folder was looked at, and has ${now} now`,
  },
  "image-too-large": {
    kind: "E_R_INPUT",
    text: (what: string, most: string) => `the image has ${what}, more than ${most}`,
  },
  "image-frames": {
    kind: "W_W",
    text: (frames: number) => `the image has ${frames} frames, and the first is taken`,
  },
  "image-too-small": {
    kind: "E_R_INPUT",
    text: (width: number, height: number, patch: number) =>
      `the image has ${width}x${height} pixels, less than one patch of ${patch}x${patch}`,
  },
  "much-to-tell": {
    kind: "E_USAGE",
    text: (images: number, top: number, most: number) =>
      `${top} classes of each of ${images} images are more than the ${most} that are told at once; lower --top, or name fewer images`,
  },
  "no-classes": {
    kind: "E_USAGE",
    text: (model: string, head: string) =>
      `${quoted(model)} has ${head} and gives no classes; classify is for models with head classifier and 1 class or more`,
  },
  "preprocess-misplaced": {
    kind: "E_USAGE",
    text: (where: string, needed: string) => `--preprocess cannot be had with ${where}; it needs ${needed}`,
  },
  "any-size-misplaced": {
    kind: "E_USAGE",
    text: (what: string, why: string) => `--any-size cannot be had with ${what}, ${why}; leave out --any-size`,
  },
  "any-size-kernels": {
    kind: "E_USAGE",
    text: (targets: string) =>
      `--any-size is for ONNX graphs, but kernels of ${targets} are made for images of one size; give --target onnx, or leave it out and compile for each size when it is met, which a page can do too`,
  },
  "preprocess-channels": {
    kind: "E_USAGE",
    text: (model: string, channels: number) =>
      `${quoted(model)} takes ${channels} channels that are not colours: --preprocess makes them of RGB, preprocess { bands … } says of which`,
  },
  "labels-unreadable": { kind: "E_R_INPUT", text: (why: string) => `the labels cannot be read: ${why}` },
  "labels-count": {
    kind: "E_R_INPUT",
    text: (found: number, model: string, classes: number) =>
      `the file has ${found} labels, but ${quoted(model)} has ${classes} classes`,
  },
  "shader-rejected": {
    kind: "E_R_SHADER",
    text: (kernel: string, why: string) => `kernel ${quoted(kernel)} was rejected: ${why}`,
  },
  disposed: { kind: "E_R_DISPOSED", text: () => "the model has been disposed" },
  aborted: { kind: "E_R_ABORT", text: () => "the run was aborted" },
  "nonfinite-output": {
    kind: "E_R_NONFINITE",
    text: (name: string, count: number) => `output ${quoted(name)} holds ${count} values that are not finite`,
  },

  internal: { kind: "E_INTERNAL", text: (what: string) => `this is a bug in cnxc: ${what}` },
  "memory-cap": {
    kind: "E_INTERNAL",
    text: (mebibytes: number) => `the compiler ran into its memory cap of ${mebibytes} MiB`,
  },
} as const satisfies Record<string, Message>;
