import { expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";

const spec = (classes: number, note = ""): string =>
  `${note}model thumbs { depths [1, 1]  dims [16, 24]  input 32x32x3  head classifier { classes ${classes} } }\n`;

/** Compiles specs of one name one after the other; which files the last one changed, and how many it left. */
async function changed(...specs: readonly string[]) {
  const folder = newFolder();
  let last = "";
  for (const text of specs) {
    fill(folder, { "thumbs.cnx": text });
    last = (await cnxc(["compile", "thumbs.cnx", "--preprocess", "-o", "out", "--json"], { cwd: folder })).stdout;
  }
  const { outputs } = JSON.parse(last) as {
    readonly outputs: readonly { readonly path: string; readonly status: string }[];
  };
  const of = (status: string) =>
    outputs.filter(one => one.status === status).map(({ path }) => path.replace("thumbs/", ""));
  return { written: of("written"), unchanged: of("unchanged").length, removed: of("removed") };
}

test("another number of classes rewrites what has the number in it, and no other file", async () => {
  const { written, unchanged, removed } = await changed(spec(20), spec(21));
  expect({ written, removed }).toEqual({
    written: [
      ...["example.c", "head.cu", "run.cu", "thumbs.cu", "thumbs.h"].map(file => `cuda/${file}`),
      ...["model.js", "onnx/model.onnx", "plan.txt", "software.js", "thumbs.d.ts", "thumbs.js", "thumbs.ts"],
      ...["wgsl/head.wgsl"],
    ],
    removed: [],
  });
  expect(unchanged).toBeGreaterThan(30);
});

test("a comment rewrites nothing", async () => {
  expect(await changed(spec(20), spec(20, "// Twenty kinds.\n"))).toMatchObject({ written: [], removed: [] });
});
