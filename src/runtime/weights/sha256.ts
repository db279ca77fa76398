/** A hash that is fed piece by piece, which the Web's own cannot be. */
export interface Sha256 {
  readonly update: (bytes: Uint8Array) => void;
  /** Of all that was fed, in hex. Once. */
  readonly digest: () => string;
}

/** The first 64 primes: the standard's constants are fractions of their roots. */
const primes: readonly number[] = Array.from({ length: 311 }, (_, i) => i + 2).filter(n =>
  Array.from({ length: n - 2 }, (_, i) => i + 2).every(divisor => n % divisor !== 0),
);
/** The first 32 bits behind the point, as signed numbers. */
const fractions = (root: (n: number) => number): Int32Array => Int32Array.from(primes, n => (root(n) % 1) * 2 ** 32);
const constants = fractions(Math.cbrt);
const initial = fractions(Math.sqrt).subarray(0, 8);

const block = 64;

/** SHA-256 after FIPS 180-4. */
export function sha256(): Sha256 {
  const state = Int32Array.from(initial);
  const words = new Int32Array(64);
  const held = new Uint8Array(block);
  let length = 0;

  // An engine inlines so many calls and no more, so the only helper here is `rotate`.
  const compress = (bytes: DataView, at: number): void => {
    for (let i = 0; i < 16; i++) words[i] = bytes.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = words[i - 15] as number;
      const y = words[i - 2] as number;
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      words[i] = (s0 + s1 + (words[i - 16] as number) + (words[i - 7] as number)) | 0;
    }
    let a = state[0] as number;
    let b = state[1] as number;
    let c = state[2] as number;
    let d = state[3] as number;
    let e = state[4] as number;
    let f = state[5] as number;
    let g = state[6] as number;
    let h = state[7] as number;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t = (h + s1 + ((e & f) ^ (~e & g)) + (constants[i] as number) + (words[i] as number)) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      h = g;
      g = f;
      f = e;
      e = (d + t) | 0;
      d = c;
      c = b;
      b = a;
      a = (t + s0 + majority) | 0;
    }
    state[0] = (state[0] as number) + a;
    state[1] = (state[1] as number) + b;
    state[2] = (state[2] as number) + c;
    state[3] = (state[3] as number) + d;
    state[4] = (state[4] as number) + e;
    state[5] = (state[5] as number) + f;
    state[6] = (state[6] as number) + g;
    state[7] = (state[7] as number) + h;
  };

  const update = (bytes: Uint8Array): void => {
    let at = 0;
    const start = length % block;
    length += bytes.length;
    if (start > 0) {
      at = Math.min(block - start, bytes.length);
      held.set(bytes.subarray(0, at), start);
      if (start + at < block) return;
      compress(new DataView(held.buffer), 0);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (; at + block <= bytes.length; at += block) compress(view, at);
    held.set(bytes.subarray(at));
  };

  return {
    update,
    digest: () => {
      const end = new Uint8Array(((119 - (length % block)) % block) + 9);
      end[0] = 0x80;
      new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(length) * 8n);
      update(end);
      return Array.from(state, word => (word >>> 0).toString(16).padStart(8, "0")).join("");
    },
  };
}

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
