import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What can be wrong with a run of training and its folder. */
export const trainingMessages = {
  "pictures-mixed": {
    kind: "E_R_INPUT",
    text: (picture: string, folder: string) =>
      `the folder holds pictures, such as ${quoted(picture)}, beside folders, such as ${quoted(folder)}; it is either pictures alone or a folder a class`,
  },
  "no-pictures": {
    kind: "E_R_INPUT",
    text: () => "the folder holds no picture: no file whose name ends in .png, .jpg, .jpeg or .webp",
  },
  "class-empty": {
    kind: "E_R_INPUT",
    text: () => "the folder of this class holds no picture; remove it, or add some",
  },
  "class-unlabelled": {
    kind: "E_R_INPUT",
    text: (name: string, count: number) =>
      `the folder ${quoted(name)} is called by no label of the spec${count === 1 ? "" : `, nor are ${count - 1} others`}: ` +
      "call folders by their labels, or leave labels out of the spec, and classes are counted in the order of their names",
  },
  "classes-differ": {
    kind: "E_R_INPUT",
    text: (found: number, model: string, classes: number) =>
      found === 0
        ? `the pictures are of no class; put those of each of the ${classes} classes of model ${quoted(model)} into a folder`
        : `the folder has ${found} classes, but model ${quoted(model)} tells ${classes} apart; say classes ${found}`,
  },
  "pictures-few": {
    kind: "E_R_INPUT",
    text: (pictures: number, images: number) =>
      `there are ${pictures} pictures, but a step takes ${images}; lower batch or accumulate`,
  },
  "pictures-broken": {
    kind: "E_R_INPUT",
    text: (broken: number, pictures: number, goesOn: boolean) =>
      `${broken} of ${pictures} pictures cannot be read, more than one in a hundred; remove those that are none, and ${goesOn ? "go on with --resume" : "begin another run"}`,
  },
  "pictures-passed-over": {
    kind: "W_W",
    text: (broken: number) =>
      broken === 1
        ? "the picture cannot be read, and the next was shown in its place"
        : `the picture cannot be read, like ${broken - 1} more, and the next was shown in the place of each`,
  },
  "pictures-left-out": {
    kind: "W_W",
    text: (broken: number) =>
      broken === 1
        ? "the picture cannot be decoded, and is left out of every evaluation"
        : `the picture cannot be decoded, like ${broken - 1} more, and is left out of every evaluation`,
  },
  "class-unknown": {
    kind: "E_R_INPUT",
    text: (name: string) =>
      `the folder ${quoted(name)} is no class of the pictures that are trained on; name it as there, or leave it out`,
  },
  "val-count-unused": {
    kind: "E_USAGE",
    text: () => "--val-count says how many pictures of --val are used, but there is no --val",
  },
  "data-differs": {
    kind: "E_R_INPUT",
    text: () => "the data are not those that the run was begun with; go on with the same, or begin another run",
  },
  "augment-of-batches": {
    kind: "W_W",
    text: (recipe: string) =>
      `train ${recipe} changes images, but ready batches are taken as they are; leave augment out, or name pictures with --data`,
  },
  "run-in-data": {
    kind: "E_IO_UNSAFE",
    text: () => "the run would lie among the pictures, and look like a class; choose another folder",
  },
  "one-picture": {
    kind: "E_R_INPUT",
    text: () => "one picture is too little to be trained on; name the folder that it lies in",
  },
  "labels-range": {
    kind: "E_R_INPUT",
    text: (image: number, label: string, model: string, classes: number) =>
      `label ${image} is ${label}, but model ${quoted(model)} has classes 0 to ${classes - 1}`,
  },
  "data-unused": {
    kind: "W_W",
    text: (name: string, more: number) =>
      `tensor ${quoted(name)}${more === 0 ? " is" : more === 1 ? " and another are" : ` and ${more} others are`} not trained on`,
  },
  "crop-of-floats": {
    kind: "E_R_INPUT",
    text: (recipe: string, dtype: string) =>
      `train ${recipe} crops, which resizes values of 8 bits, and the tensor is ${dtype}; leave crop out, or give it as U8`,
  },
  "data-needed": {
    kind: "E_USAGE",
    text: () =>
      "name what it is trained on, either pictures or tensors of images with --data or ready batches with --batches",
  },
  "run-foreign": {
    kind: "E_IO_UNSAFE",
    text: (example: string) =>
      `the folder is no run of cnxc train, it holds ${quoted(example)}; choose an empty or new one`,
  },
  "run-exists": {
    kind: "E_IO_UNSAFE",
    text: () => "the folder holds a run already; go on with it by --resume, or choose another folder",
  },
  "run-missing": {
    kind: "E_IO_NOTFOUND",
    text: () => "there is no run to resume; leave out --resume to begin one",
  },
  "run-differs": {
    kind: "E_USAGE",
    text: (there: string, now: string) =>
      `the run was begun with ${quoted(there)}, but the spec says ${quoted(now)}; go on with the same recipe and model, or begin another run`,
  },
  "run-longer": {
    kind: "E_USAGE",
    text: (done: number, steps: number) =>
      `the run has done ${done} steps, but the recipe asks for ${steps}; raise steps, or begin another run`,
  },
  "run-version": {
    kind: "W_O",
    text: (there: string, now: string) =>
      `the checkpoint was written by cnxc ${there}, this is ${now}: from here on the numbers may differ in their last bits`,
  },
  "report-damaged": {
    kind: "W_O",
    text: (why: string) => `the reconstructions of before ${why}, and are left out of the report`,
  },
  "checkpoint-damaged": {
    kind: "W_O",
    text: (why: string) => `the checkpoint ${why}, and is passed over`,
  },
  "checkpoints-gone": {
    kind: "E_O_FORMAT",
    text: () => "none of the checkpoints is whole; begin another run, from -w one of their model.safetensors",
  },
  "steps-skipped": {
    kind: "W_O",
    text: (skipped: number, steps: number) =>
      `${skipped} of ${steps} steps changed nothing, since the norm of their gradients was not finite; lower lr, or look at the images`,
  },
} as const satisfies Record<string, Message>;
