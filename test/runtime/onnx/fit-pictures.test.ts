import { expect, test } from "vitest";
import { fitPicture } from "../../../src/preprocess/fit.ts";
import { type Picture, pictureOf, type Receiver, toBatch, toRgba } from "../../../src/preprocess/picture.ts";
import { fitPictures } from "../../../src/runtime/onnx/fit-pictures.ts";
import type { PreprocessDescriptor } from "../../../src/runtime/pictures/descriptor.ts";
import { pillowCases, receiver, seededPicture } from "../../preprocess/pictures.ts";

const descriptorOf = ({ input, preprocess: { display: _, ...fit } }: Receiver): PreprocessDescriptor => ({
  name: "test",
  ...input,
  fit,
  code: "",
});
const imageOf = (picture: Picture) => ({ ...picture, data: toRgba(picture) });

test.each(pillowCases())("$title: the bits of the commands", async ({ picture, model }) => {
  const found = await fitPictures([imageOf(picture), imageOf(picture)], descriptorOf(model));
  const fitted = fitPicture(picture, model);
  expect(found).toEqual(toBatch([fitted, fitted], model.preprocess));
});

test("pixels that are not opaque, of an image that stays as it is", async () => {
  const model = receiver({ width: 20, height: 20 });
  const size = { width: 31, height: 23 };
  const data = toRgba(seededPicture(5, size)).map((value, i) => (i % 4 === 3 ? (i * 7) % 256 : value));
  const given = data.slice();
  const found = await fitPictures([{ ...size, data: given }], descriptorOf(model));
  expect(given).toEqual(data);
  const picture = pictureOf(data, size.width, size.height, 3);
  expect(found).toEqual(toBatch([fitPicture(picture, model)], model.preprocess));
});

test("what is no picture, and what nobody reads here", async () => {
  const descriptor = descriptorOf(receiver({ width: 8, height: 8 }));
  await expect(fitPictures([null as never], descriptor)).rejects.toThrow("a picture is one of ImageBitmap");
  await expect(fitPictures([new Blob(["x"])], descriptor)).rejects.toThrow("nothing decodes the Blob here: give");
  const canvas = { width: 1, height: 1, [Symbol.toStringTag]: "OffscreenCanvas" };
  await expect(fitPictures([canvas as never], descriptor)).rejects.toThrow("nothing reads the OffscreenCanvas here");
  const { fit: _, ...old } = descriptor;
  await expect(fitPictures([], old)).rejects.toThrow("does not say what it does: compile it again");
});
