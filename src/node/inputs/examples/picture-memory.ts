import type { Picture } from "../../../preprocess/picture.ts";

/** Decoded pictures that several threads have together; what it holds of `pictures` is for `pictureMemory`. */
export interface SharedPictures {
  /** How many bytes are taken, and of each picture where it begins, from 1, and its width and height. */
  readonly table: Int32Array<SharedArrayBuffer>;
  readonly data: Uint8Array<SharedArrayBuffer>;
}

/** 256 MiB: decoding small pictures takes several times as long as all else that is done with them. */
const mostBytes = 2 ** 28;

/** For so many pictures. The system gives the memory when it is written. */
export const sharePictures = (pictures: number, bytes: number = mostBytes): SharedPictures => ({
  table: new Int32Array(new SharedArrayBuffer(4 * (1 + 3 * pictures))),
  data: new Uint8Array(new SharedArrayBuffer(bytes)),
});

/** The same to a thread. Pictures are kept as long as there is room, and none is ever taken out. */
export function pictureMemory({ table, data }: SharedPictures, channels: number) {
  return {
    get(number: number): Picture | null {
      const entry = 1 + 3 * number;
      const at = Atomics.load(table, entry) - 1;
      if (at < 0) return null;
      const [width, height] = [Atomics.load(table, entry + 1), Atomics.load(table, entry + 2)];
      return { width, height, channels, data: data.subarray(at, at + width * height * channels) };
    },
    put(number: number, picture: Picture): void {
      const { length } = picture.data;
      if (Atomics.load(table, 0) + length > data.length) return;
      const at = Atomics.add(table, 0, length);
      if (at + length > data.length) return; // another thread was faster
      data.set(picture.data, at);
      const entry = 1 + 3 * number;
      Atomics.store(table, entry + 1, picture.width);
      Atomics.store(table, entry + 2, picture.height);
      Atomics.store(table, entry, at + 1); // the last: from here on the others see it
    },
  };
}
