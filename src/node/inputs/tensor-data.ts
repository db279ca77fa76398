import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { error, warning } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { isNpy } from "../../weights/formats/npy.ts";
import { readNpy } from "../../weights/formats/npz.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import type { Tensor, TensorFile } from "../../weights/tensor.ts";
import { openSource } from "../files/byte-source.ts";
import { orClosed } from "../files/or-closed.ts";
import type { DataRequest, TrainingData } from "./batches.ts";
import { contentHash } from "./content-hash.ts";
import { inEpochs } from "./examples/epochs.ts";
import { type ImageDType, tensorExamples } from "./examples/tensor-examples.ts";
import { isPicture } from "./picture-files.ts";

const imagesName = "pixel_values";
const labelsName = "labels";

/** Images in a file of tensors, and their labels, as what a model is trained on. */
export function openTensors(file: string, { model, recipe }: DataRequest): Promise<Result<TrainingData>> {
  return catchingFailures(async () => {
    if (isPicture(file)) return fail(error("one-picture", { file, offset: null }));
    const source = await openSource(file);
    if (!source.ok) return source;
    const { close } = source.value;
    return orClosed(close, async () => {
      const start = await source.value.read(0, Math.min(source.value.size, 16));
      const read = isNpy(start) ? ok(await readNpy(source.value, imagesName)) : await readTensorFile(source.value);
      if (!read.ok) return read;
      const tensors = read.value;
      const images = imagesOf(tensors, model);
      const labels = await labelsOf(tensors, model, images.ok ? (images.value.shape[0] ?? 0) : null);
      if (!images.ok || !labels.ok) return fail(...images.diagnostics, ...labels.diagnostics);
      const { batch, accumulate, augment, seed } = recipe;
      const place = { file: tensors.name, offset: null };
      const [count = 0] = images.value.shape;
      if (count < batch * accumulate) return fail(error("pictures-few", place, count, batch * accumulate));
      if (augment.crop !== null && images.value.dtype !== "U8")
        return fail(error("crop-of-floats", images.value.place, recipe.name, images.value.dtype));
      const used = labels.value === null ? [imagesName] : [imagesName, labelsName];
      const [spare, ...more] = [...tensors.tensors.keys()].filter(name => !used.includes(name));
      const unused = spare === undefined ? [] : [warning("data-unused", place, spare, more.length)];
      const sha256 = await contentHash(tensors, used);
      const found = { file: tensors, images: images.value, labels: labels.value, sha256 };
      const examples = await tensorExamples(
        found,
        { input: model.input, preprocess: model.preprocess, augment, seed },
        close,
      );
      return ok(inEpochs(examples, { model, recipe }), [...read.diagnostics, ...unused]);
    });
  });
}

type Images = Tensor & { readonly dtype: ImageDType };

const isImages = (tensor: Tensor): tensor is Images => tensor.dtype === "F32" || tensor.dtype === "U8";

function imagesOf(file: TensorFile, { input: { height, width, channels } }: Model): Result<Images> {
  const expected = `F32 or U8 [N, ${channels}, ${height}, ${width}]`;
  const tensor = file.tensors.get(imagesName);
  if (tensor === undefined) return fail(missing(file, imagesName, expected));
  const [, ...shape] = tensor.shape;
  const fits = tensor.shape.length === 4 && shape.join() === [channels, height, width].join();
  return fits && isImages(tensor) ? ok(tensor) : fail(other(tensor, imagesName, expected));
}

/** How a number of so many bytes is read, by the type of a whole number. */
const integers: Readonly<Record<string, (view: DataView, at: number) => number | bigint>> = {
  I64: (view, at) => view.getBigInt64(at, true),
  U64: (view, at) => view.getBigUint64(at, true),
  I32: (view, at) => view.getInt32(at, true),
  U32: (view, at) => view.getUint32(at, true),
  I16: (view, at) => view.getInt16(at, true),
  U16: (view, at) => view.getUint16(at, true),
  I8: (view, at) => view.getInt8(at),
  U8: (view, at) => view.getUint8(at),
};

/** The class of each image, or null where a model has no classes. */
async function labelsOf(
  file: TensorFile,
  model: Model,
  count: number | null,
): Promise<Result<readonly number[] | null>> {
  if (model.head.kind !== "classifier") return ok(null);
  const { classes } = model.head;
  const expected = `a whole number for each image, such as I64 [${count ?? "N"}]`;
  const tensor = file.tensors.get(labelsName);
  if (tensor === undefined) return fail(missing(file, labelsName, expected));
  const read = integers[tensor.dtype];
  const [length = 0, ...rest] = tensor.shape;
  if (read === undefined || tensor.shape.length !== 1 || rest.length > 0 || length !== (count ?? length))
    return fail(other(tensor, labelsName, expected));
  const bytes = await file.bytes(labelsName);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const labels = Array.from({ length }, (_, i) => read(view, (i * bytes.byteLength) / length));
  const wrong = labels.findIndex(label => label < 0 || label >= classes);
  if (wrong < 0) return ok(labels.map(Number));
  return fail(error("labels-range", tensor.place, wrong, `${labels[wrong]}`, model.name, classes));
}

function missing(file: TensorFile, name: string, expected: string): Diagnostic {
  const names = [...file.tensors.keys()].slice(0, 5).join(", ");
  const found = `missing, the file holds ${names || "nothing"}`;
  return error("run-input", { file: file.name, offset: null }, name, found, expected);
}

const other = ({ dtype, shape, place }: Tensor, name: string, expected: string): Diagnostic =>
  error("run-input", place, name, `${dtype} [${shape.join(", ")}]`, expected);
