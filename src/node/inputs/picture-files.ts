import * as fs from "node:fs";
import * as path from "node:path";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { ioError, pathProblem } from "../files/errno.ts";

/** A folder of pictures, or of a folder a class. */
export interface PictureFiles {
  readonly folder: string;
  /** Names of the folders, in order; none where the pictures lie in the folder itself. */
  readonly classes: readonly string[];
  readonly pictures: readonly PictureFile[];
}

export interface PictureFile {
  /** Below the folder. */
  readonly path: string;
  readonly bytes: number;
  /** The number of its class; null where there are none. */
  readonly label: number | null;
}

/** Whether a file is a picture by its name. */
export const isPicture = (name: string): boolean => /\.(png|jpe?g|webp)$/i.test(name);

/** The pictures of a folder by the endings of their names, in the order of their names: the same everywhere. */
export function listPictures(folder: string): Result<PictureFiles> {
  const problem = pathProblem(folder);
  if (problem !== null) return fail(problem);
  try {
    const entries = fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    const classes = entries
      .filter(entry => isFolder(folder, entry) && !entry.name.startsWith("."))
      .map(({ name }) => name);
    const own = picturesIn(folder, "", null);
    const [stray] = own;
    if (classes.length > 0 && stray !== undefined)
      return fail(error("pictures-mixed", { file: folder, offset: null }, stray.path, classes[0] ?? ""));
    const pictures = classes.length === 0 ? own : classes.flatMap((name, label) => picturesIn(folder, name, label));
    if (pictures.length === 0) return fail(error("no-pictures", { file: folder, offset: null }));
    const empty = classes.find((_, label) => !pictures.some(picture => picture.label === label));
    if (empty !== undefined) return fail(error("class-empty", { file: path.join(folder, empty), offset: null }));
    return ok({ folder, classes, pictures });
  } catch (cause) {
    return fail(ioError(cause, folder, "read it"));
  }
}

/**
 * The same for a model: the number of a class is that of the label that its folder is called by, where the spec has labels.
 * Without them, or where there are not as many folders, classes are counted in the order of their names.
 */
export function listPicturesFor({ head }: Pick<Model, "head">, folder: string): Result<PictureFiles> {
  const files = listPictures(folder);
  const labels = head.kind === "classifier" ? head.labels : null;
  if (!files.ok || labels === null || files.value.classes.length !== labels.length) return files;
  const { classes, pictures } = files.value;
  const strange = classes.filter(name => !labels.includes(name));
  const [first] = strange;
  if (first !== undefined)
    return fail(error("class-unlabelled", { file: path.join(folder, first), offset: null }, first, strange.length));
  const numberOf = (label: number | null): number | null =>
    label === null ? null : labels.indexOf(classes[label] ?? "");
  return ok({
    folder,
    classes: labels,
    pictures: pictures.map(picture => ({ ...picture, label: numberOf(picture.label) })),
  });
}

/** Pictures by their names, and of each folder among these all that lie in it, at any depth, in the order of their names. */
export function picturesOf(names: readonly string[]): Result<readonly string[]> {
  const files: string[] = [];
  for (const name of names) {
    if (pathProblem(name) !== null || !isDirectory(name)) {
      files.push(name);
      continue;
    }
    try {
      const inside = fs.readdirSync(name, { recursive: true, encoding: "utf8" }).filter(isPicture).sort();
      if (inside.length === 0) return fail(error("no-pictures", { file: name, offset: null }));
      for (const below of inside) files.push(path.join(name, below));
    } catch (cause) {
      return fail(ioError(cause, name, "read it"));
    }
  }
  return ok(files);
}

/** What cannot be looked at is told of when it is read. */
function isDirectory(name: string): boolean {
  try {
    return fs.statSync(name).isDirectory();
  } catch {
    return false;
  }
}

const isFolder = (folder: string, entry: fs.Dirent): boolean =>
  entry.isDirectory() || (entry.isSymbolicLink() && fs.statSync(path.join(folder, entry.name)).isDirectory());

const picturesIn = (folder: string, below: string, label: number | null): readonly PictureFile[] =>
  fs
    .readdirSync(path.join(folder, below))
    .sort()
    .filter(isPicture)
    .map(name => {
      const file = path.join(below, name);
      return { path: file, bytes: fs.statSync(path.join(folder, file)).size, label };
    });
