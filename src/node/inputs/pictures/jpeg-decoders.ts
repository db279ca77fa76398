import { BrokenPicture, type Decoder, type Rgba } from "./format.ts";
import { binaryOf, keptInstance } from "./instance.ts";

interface JsquashJpeg {
  readonly init: (options: ModuleOptions) => Promise<void>;
  readonly default: (bytes: Uint8Array, options: { readonly preserveOrientation: boolean }) => Promise<Clamped>;
}

interface ModuleOptions {
  readonly wasmBinary: Uint8Array;
  readonly print: (line: string) => void;
  readonly printErr: (line: string) => void;
}

type Clamped = Omit<Rgba, "data"> & { readonly data: Uint8ClampedArray };

const mozjpegPackage = "@jsquash/jpeg";

/** What the decoder has said of the picture: its first warning, and why it gave up. */
const said: string[] = [];

const instance = keptInstance(({ init }: JsquashJpeg) => {
  const print = (line: string) => void said.push(line);
  return init({ wasmBinary: binaryOf(mozjpegPackage, "codec/dec/mozjpeg_dec.wasm"), print, printErr: print });
});

/** Warnings after which pixels are lost; of others, such as bytes between markers, no pixel depends on. */
const losesPixels = /premature end|bad Huffman|instead of RST/i;

/** mozjpeg as WebAssembly, whose pixels are libjpeg's: grey, YCbCr and RGB, in one scan or many. */
export const mozjpeg: Decoder = {
  package: mozjpegPackage,
  module: "decode.js",
  decode: async (bytes, loaded) => {
    const codec = loaded as JsquashJpeg;
    said.length = 0;
    const { data, width, height } = await instance(codec, async () => {
      try {
        return await codec.default(bytes, { preserveOrientation: false });
      } catch (cause) {
        throw new BrokenPicture(said.at(-1) ?? String(cause));
      }
    });
    const lost = said.find(line => losesPixels.test(line));
    if (lost !== undefined) throw new BrokenPicture(lost);
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
  },
};

interface JpegJs {
  readonly decode: (bytes: Uint8Array, options: object) => Rgba;
}

/** CMYK and YCCK, which the other does not turn to RGB. */
export const jpegJs: Decoder = {
  package: "jpeg-js",
  decode: (bytes, loaded) =>
    (loaded as JpegJs).decode(bytes, {
      useTArray: true,
      formatAsRGBA: true,
      tolerantDecoding: false,
      // What was reckoned with before; these would speak of the package's options.
      maxResolutionInMP: 1000,
      maxMemoryUsageInMB: 4096,
    }),
};
