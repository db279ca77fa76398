import { describe, test } from "vitest";
import { full } from "../../support/full.ts";
import { checkModules, checkStages, files } from "./golden.ts";

const large = /384|nano|tiny|base|large|huge/;
const published = files.filter(file => !/micro|stages|huge/.test(file) && (full || !large.test(file)));

describe("ONNX Runtime gives PyTorch's numbers of published sizes", () => {
  test.each(
    published.flatMap(file =>
      (/atto/.test(file) ? ([20, 17] as const) : ([20] as const)).map(opset => ({ file, opset })),
    ),
  )("$file, opset $opset", async ({ file, opset }) => checkStages(file, opset));

  test.each(published.filter(file => /atto-96/.test(file)))("%s, all modules tapped", async file => checkModules(file));
});
