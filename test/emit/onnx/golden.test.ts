import { describe, test } from "vitest";
import { checkModules, checkStages, files } from "./golden.ts";

// Published sizes: golden.targets.test.ts.
const small = files.filter(file => /micro|stages/.test(file));

describe("ONNX Runtime gives PyTorch's numbers", () => {
  test.each(
    small.flatMap(file => (/micro/.test(file) ? ([20, 17] as const) : ([20] as const)).map(opset => ({ file, opset }))),
  )("$file, opset $opset", async ({ file, opset }) => checkStages(file, opset));

  test.each(small)("%s, all modules tapped", async file => checkModules(file));
});
