/** Things that are saved or renamed as a tensor file by mistake, and what to do about each. */
const lookalikes: readonly {
  readonly what: string;
  readonly hint: string;
  readonly begins: (text: string) => boolean;
}[] = [
  {
    what: "an HTML page",
    hint: "a download that failed often saves the server's error page",
    begins: text => /^\s*<(!doctype|html|head|body|\?xml|!--)/i.test(text),
  },
  {
    what: "a pointer of Git LFS",
    hint: "fetch the file itself with `git lfs pull`",
    begins: text => text.startsWith("version https://git-lfs"),
  },
  {
    what: "a zip archive, as torch.save and numpy.savez write it",
    hint: "readTensorFile reads it",
    begins: text => text.startsWith("PK\x03\x04") || text.startsWith("PK\x05\x06"),
  },
  {
    what: "a Python pickle",
    hint: "load it and save its tensors with torch.save, which readTensorFile reads, or with safetensors.torch.save_file",
    begins: text => text[0] === "\x80" && "\x02\x03\x04\x05".includes(text[1] ?? " "),
  },
  {
    what: "a numpy array",
    hint: "write it with numpy.savez, under its name, or with safetensors.numpy.save_file",
    begins: text => text.startsWith("\x93NUMPY"),
  },
  { what: "an HDF5 file", hint: "convert it to safetensors", begins: text => text.startsWith("\x89HDF") },
  { what: "a GGUF file", hint: "convert it to safetensors", begins: text => text.startsWith("GGUF") },
  { what: "a gzip file", hint: "unpack it first", begins: text => text.startsWith("\x1f\x8b") },
  {
    what: "JSON text",
    hint: "an index of shards has a weight_map",
    begins: text => /^\s*[{[]\s*["{[\]}\d-]/.test(text),
  },
];

/** What a file that is no safetensors seems to be, from its first bytes; null where nothing is known. */
export function sniff(bytes: Uint8Array): { readonly what: string; readonly hint: string } | null {
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = String.fromCharCode(...bytes.subarray(mark ? 3 : 0, 64));
  return lookalikes.find(({ begins }) => begins(text)) ?? null;
}

/** Bytes of a file's beginning that tell what it is: a tar archive says so behind the name of its first file. */
export const maxSniffed = 512;

const isText = (bytes: Uint8Array, at: number, text: string): boolean =>
  String.fromCharCode(...bytes.subarray(at, at + text.length)) === text;

/** Whether a file begins as an object in JSON does; no safetensors file has such a length, and none is that short. */
export const isJson = (start: Uint8Array): boolean =>
  /^\s*\{\s*["}]/.test(String.fromCharCode(...start.subarray(0, 64)));

export const isZip = (start: Uint8Array): boolean => isText(start, 0, "PK\x03\x04") || isText(start, 0, "PK\x05\x06");

export const isTar = (start: Uint8Array): boolean => isText(start, 257, "ustar");
