import { describe, test } from "vitest";
import { expectValid, expectValidInF16, models, profiles } from "./validate.ts";

const others = [...models.keys()].filter(name => !/^(atto|micro|narrow)/.test(name));

describe("Tint, naga and a device with default limits take every kernel of specs/", () => {
  test.each(others.flatMap(name => profiles.map(tuning => ({ name, tuning }))))(
    "$name, $tuning",
    async ({ name, tuning }) => expectValid(name, tuning),
  );
});

describe("the same kernels with maps and matrices in f16, native and unpacked", () => {
  test.each(["atto_features", "atto_fcmae"].flatMap(name => profiles.map(tuning => ({ name, tuning }))))(
    "$name, $tuning",
    async ({ name, tuning }) => expectValidInF16(name, tuning),
  );
});
