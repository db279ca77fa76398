import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { classifierOf } from "../../../src/model/model.ts";
import { listPicturesFor } from "../../../src/node/inputs/picture-files.ts";
import { newFolder } from "../../support/folders.ts";
import { model } from "../../support/models.ts";
import { must } from "../../syntax/support.ts";

/** A picture in each of some folders. */
function folder(...classes: readonly string[]): string {
  const made = newFolder();
  for (const name of classes) {
    mkdirSync(path.join(made, name));
    writeFileSync(path.join(made, name, "0.png"), "");
  }
  return made;
}

const labelled = model({ head: classifierOf(3, ["wren", "jay", "robin"]) });
const numbers = (of: typeof labelled, ...classes: readonly string[]) => {
  const files = must(listPicturesFor(of, folder(...classes)));
  return [files.classes, files.pictures.map(({ path: below, label }) => [path.dirname(below), label])];
};

test("a folder has the number of the label that it is called by", () => {
  const found = [
    ["jay", 1],
    ["robin", 2],
    ["wren", 0],
  ];
  expect(numbers(labelled, "jay", "robin", "wren")).toEqual([["wren", "jay", "robin"], found]);
});

test("without labels folders are counted in the order of their names", () => {
  const found = [
    ["jay", 0],
    ["robin", 1],
    ["wren", 2],
  ];
  expect(numbers(model({ head: classifierOf(3) }), "wren", "robin", "jay")).toEqual([["jay", "robin", "wren"], found]);
});

test("a folder of no label is an error that names it", () => {
  const { diagnostics } = listPicturesFor(labelled, folder("jay", "robin", "n01532829"));
  expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
    ["class-unlabelled", expect.stringContaining("'n01532829' is called by no label")],
  ]);
});
