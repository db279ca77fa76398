import { expect, test } from "vitest";
import { pictureMemory, sharePictures } from "../../../src/node/inputs/examples/picture-memory.ts";

const picture = (width: number, height: number, value: number) => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(3 * width * height).fill(value),
});

test("decoded pictures are kept for all threads while there is room", () => {
  const shared = sharePictures(3, 60);
  const [one, other] = [pictureMemory(shared, 3), pictureMemory(shared, 3)];
  expect(one.get(0)).toBeNull();
  one.put(1, picture(2, 4, 7));
  one.put(2, picture(3, 5, 8)); // too large by 9 bytes, which takes no room from others
  expect(other.get(2)).toBeNull();
  one.put(2, picture(3, 4, 8));
  other.put(0, picture(4, 2, 9));
  expect(other.get(1)).toEqual(picture(2, 4, 7));
  expect(other.get(2)).toEqual(picture(3, 4, 8));
  expect(one.get(0)).toBeNull();
});
