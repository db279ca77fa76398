import { createHash } from "node:crypto";
import * as http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ModelError } from "../../src/runtime/errors.ts";
import { type FetchOptions, fetchWeights } from "../../src/runtime/weights/fetch-weights.ts";
import { sha256 } from "../../src/runtime/weights/sha256.ts";
import { f32Tensor, writeSafetensors } from "../../src/weights/formats/safetensors.ts";
import { entry, file } from "../corpus/safetensors-build.ts";
import { descriptor, tensors } from "./support.ts";

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The tiny model's weights as `cnxc compile --weights` writes them. */
async function weightsFile(): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const params = descriptor.params.map(({ name, shape }) =>
    f32Tensor(name, shape, () => tensors[name] ?? new Float32Array()),
  );
  for await (const part of writeSafetensors(params, { license: "none" })) parts.push(part);
  return Buffer.concat(parts);
}
const bytes = await weightsFile();

type Answer = (response: http.ServerResponse, request: http.IncomingMessage) => void;

/** Headers that say nothing of the length; pieces go out one by one. */
async function trickle(response: http.ServerResponse, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size));
    await new Promise(resolve => setImmediate(resolve));
  }
  response.end();
}
const whole: Answer = response => response.writeHead(200, { "content-length": bytes.length }).end(bytes);
const of =
  (body: Uint8Array | string): Answer =>
  response =>
    response.writeHead(200).end(body);
/** Promises more than comes, and hangs up. */
const cut: Answer = response => {
  response.writeHead(200, { "content-length": bytes.length });
  response.write(bytes.subarray(0, 1000), () => setTimeout(() => response.socket?.destroy(), 20));
};

const answers: Readonly<Record<string, Answer>> = {
  "/whole": whole,
  "/chunked": response => void trickle(response.writeHead(200), 997),
  "/single": response => void trickle(response.writeHead(200), 8),
  "/gzip": response => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(bytes)),
  "/short-length": response => response.writeHead(200, { "content-length": bytes.length - 10 }).end(bytes),
  "/long-length": response => {
    response.writeHead(200, { "content-length": bytes.length + 10 });
    response.write(bytes, () => setTimeout(() => response.socket?.destroy(), 20));
  },
  "/cut": cut,
  "/cut-chunked": response => {
    response.writeHead(200);
    response.write(bytes.subarray(0, 1000), () => setTimeout(() => response.socket?.destroy(), 20));
  },
  "/truncated": of(bytes.subarray(0, -1)),
  "/half": of(bytes.subarray(0, 40)),
  "/nothing": of(""),
  "/trailing": of(Buffer.concat([bytes, Buffer.from("x")])),
  "/part": response =>
    response
      .writeHead(206, { "content-range": `bytes 100-${bytes.length - 1}/${bytes.length}` })
      .end(bytes.subarray(100)),
  "/failing": response => response.writeHead(503).end("busy"),
  "/empty": response => response.writeHead(204).end(),
  "/page": of("<!DOCTYPE html><html><body>not here</body></html>"),
  "/here": response => response.writeHead(302, { location: "/whole" }).end(),
  "/there": response => response.writeHead(302, { location: `${other}/whole` }).end(),
  "/there-broken": response => response.writeHead(302, { location: `${other}/flipped` }).end(),
  "/loop": response => response.writeHead(302, { location: "/loop" }).end(),
  "/flipped": of(Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 4 ? byte ^ 1 : byte))),
  "/f64": of(file(`{${entry("w", "F64", [1], 0, 8)}}`, [0, 0, 0, 0, 0, 0, 0, 0])),
  "/halves": of(
    file(
      `{${entry("w", "F16", [2], 0, 4)},${entry("v", "BF16", [2], 4, 8)},${entry("u", "F32", [1], 8, 12)}}`,
      [0, 0x3c, 1, 0, 0x80, 0x3f, 0, 0xc0, 0, 0, 0x40, 0x40],
    ),
  ),
  "/no-json": of(file("{nothing}")),
  "/no-utf8": of(file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))),
  "/null": of(file("null")),
  "/gap": of(file(`{${entry("w", "F32", [1], 4, 8)}}`, [0, 0, 0, 0, 0, 0, 0, 0])),
  "/overlap": of(file(`{${entry("v", "F32", [1], 0, 4)},${entry("w", "F32", [1], 0, 4)}}`, [0, 0, 0, 0])),
  "/offsets": of(file('{"w":{"dtype":"F32","shape":[1],"data_offsets":"0,4"}}', [0, 0, 0, 0])),
  "/shape": of(file('{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', [0, 0, 0, 0])),
  "/entry": of(file('{"w":null}')),
  "/large": of(file(`{${entry("w", "F32", [2 ** 50], 0, 2 ** 52)}}`)),
  "/empty-tensor": of(file(`{${entry("v", "F32", [1], 0, 4)},${entry("z", "F32", [0, 3], 0, 0)}}`, [0, 0, 128, 63])),
  "/hangs": response =>
    void response
      .once("close", () => hangUp())
      .writeHead(200)
      .write(bytes.subarray(0, 1000)),
};

/** Called when nobody waits for `/hangs` any more. */
let hangUp = (): void => {};

const sockets = new Set<Socket>();
const asked: http.IncomingMessage[] = [];
const servers = [0, 1].map(() =>
  http.createServer((request, response) => {
    asked.push(request);
    const answer = answers[request.url ?? ""];
    if (answer === undefined) response.writeHead(404).end("nothing here");
    else answer(response, request);
  }),
);
let [here, other] = ["", ""];
beforeAll(async () => {
  for (const server of servers) {
    server.on("connection", socket => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  }
  [here = "", other = ""] = servers.map(server => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** How a fetch ends that must not give weights. */
async function refused(path: string, options: FetchOptions = {}): Promise<readonly [name: string, message: string]> {
  const failure = await fetchWeights(here + path, options).then(
    () => new Error("not refused"),
    cause => cause,
  );
  expect(failure, String(failure)).toBeInstanceOf(ModelError);
  return [failure.name, failure.message];
}

describe("weights over HTTP", () => {
  test.each(["/whole", "/chunked", "/single", "/gzip", "/here"])(
    "F49: %s gives every tensor, with and without a hash",
    async path => {
      for (const options of [{}, { sha256: hashOf(bytes) }, { sha256: hashOf(bytes).toUpperCase() }]) {
        const weights = await fetchWeights(here + path, options);
        for (const { name } of descriptor.params) {
          const values = weights(name);
          expect(values).toEqual(tensors[name]);
          // W21: no array holds the file, so none limits its size.
          expect(values.buffer.byteLength).toBe(values.byteLength);
        }
      }
    },
  );

  test("values of 16 bits come as the floats they are", async () => {
    const weights = await fetchWeights(`${here}/halves`);
    expect(["w", "v", "u"].map(name => [...weights(name)])).toEqual([[1, 2 ** -24], [1, -2], [3]]);
  });

  test("F49: no range is asked for, so no server has to know them", async () => {
    asked.length = 0;
    await fetchWeights(`${here}/whole`);
    expect(asked.map(({ headers }) => headers.range)).toEqual([undefined]);
  });

  test.each<[id: string, path: string, name: string, says: string]>([
    ["R46", "/gone", "FetchError", "/gone answers 404 Not Found"],
    ["R46", "/failing", "FetchError", "answers 503"],
    ["R46", "/empty", "FetchError", "answers 204"],
    ["R46", "/part", "FetchError", "answers 206 Partial Content, a part of a file, though all of it was asked for"],
    ["R46", "/loop", "FetchError", "cannot be fetched"],
    ["R46", "/cut", "FetchError", "broke off after 1000 bytes"],
    ["R46", "/cut-chunked", "FetchError", "broke off after 1000 bytes"],
    ["R46", "/there", "FetchError", "give the sha256 of the file"],
    ["F49", "/short-length", "WeightsError", "ends after"],
    ["F49", "/long-length", "FetchError", "broke off after"],
    ["F49", "/truncated", "WeightsError", "ends after"],
    ["F49", "/half", "WeightsError", "ends after 40 bytes, within its header"],
    ["F49", "/nothing", "WeightsError", "ends after 0 bytes, within its first 8 bytes"],
    ["F49", "/trailing", "WeightsError", "has bytes that belong to no tensor"],
    ["F44", "/page", "WeightsError", 'is no safetensors file, it begins with "<!DOCTYP"'],
    ["F40", "/f64", "WeightsError", "is F64, not one of F32, F16, BF16"],
    ["F20", "/no-json", "WeightsError", "it is no JSON"],
    ["F17", "/no-utf8", "WeightsError", "it is no JSON"],
    ["F26", "/gap", "WeightsError", "'w' does not lie where it should"],
    ["F25", "/overlap", "WeightsError", "'w' does not lie where it should"],
    ["F34", "/offsets", "WeightsError", "'w' does not lie where it should"],
    ["F36", "/shape", "WeightsError", "'w' does not lie where it should"],
    ["F38", "/entry", "WeightsError", "is undefined, not one of F32"],
    ["W21", "/large", "OutOfMemoryError", `no memory for the ${2 ** 52} bytes of 'w'`],
  ])("%s: %s is refused", async (_, path, name, says) => {
    const [found, message] = await refused(path);
    expect(found, message).toBe(name);
    expect(message).toContain(says);
    expect(message).toContain(path === "/large" ? "'w'" : here + path);
  });

  test("R46: another origin may send a file that is known by its hash", async () => {
    const weights = await fetchWeights(`${here}/there`, { sha256: hashOf(bytes) });
    expect(weights("head.bias")).toEqual(tensors["head.bias"]);
    const [name, message] = await refused("/there-broken", { sha256: hashOf(bytes) });
    expect([name, message]).toEqual(["WeightsError", expect.stringContaining(hashOf(bytes))]);
  });

  test("R46, F50: a flipped bit is another file", async () => {
    const [name, message] = await refused("/flipped", { sha256: hashOf(bytes) });
    expect(name).toBe("WeightsError");
    expect(message).toMatch(new RegExp(`has the SHA-256 [0-9a-f]{64}, not ${hashOf(bytes)}$`));
    await fetchWeights(`${here}/flipped`);
  });

  test("R46: a server that is not there, and an address that is none", async () => {
    for (const url of ["http://127.0.0.1:1/w", "w.safetensors"])
      await expect(fetchWeights(url)).rejects.toMatchObject({ code: "fetch" });
  });

  test("F04: a tensor without data", async () => {
    const weights = await fetchWeights(`${here}/empty-tensor`);
    expect([weights("v"), weights("z")]).toEqual([Float32Array.of(1), new Float32Array()]);
    expect(() => weights("w")).toThrow("has no 'w'");
    expect(() => (weights as (name: string) => unknown)("__proto__")).toThrow("has no '__proto__'");
  });

  test("an abort ends the transfer", async () => {
    const controller = new AbortController();
    const closed = new Promise<void>(resolve => {
      hangUp = resolve;
    });
    setTimeout(() => controller.abort(), 50);
    const [name, message] = await refused("/hangs", { signal: controller.signal });
    expect([name, message]).toEqual(["AbortError", `${here}/hangs was aborted`]);
    await closed;
    expect((await refused("/whole", { signal: controller.signal }))[0]).toBe("AbortError");
  });

  test("progress ends with all bytes", async () => {
    const seen: { loaded: number; total: number }[] = [];
    await fetchWeights(`${here}/chunked`, { onProgress: progress => seen.push(progress) });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.every(({ total }) => total === bytes.length)).toBe(true);
    expect(seen.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length });
  });

  test("progress of a file that comes in one piece ends with all bytes too", async () => {
    const seen: { loaded: number; total: number }[] = [];
    await fetchWeights(`${here}/whole`, { onProgress: progress => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length });
  });
});

describe("sha256", () => {
  const seeded = Uint8Array.from({ length: 1 << 17 }, (_, i) => (i * 2654435761) >>> 13);
  test.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 121, 127, 128, 129, 1000, 1 << 17])(
    "of %i bytes, in any pieces",
    size => {
      const all = seeded.subarray(0, size);
      for (const step of [1, 63, 64, 65, 4096, 1 << 17]) {
        if (size / step > 5000) continue;
        const hash = sha256();
        for (let at = 0; at < size; at += step) hash.update(all.subarray(at, at + step));
        expect(hash.digest()).toBe(hashOf(all));
      }
    },
  );
});
