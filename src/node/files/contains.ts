import * as path from "node:path";

/** Whether a path lies below a folder, by the text of both. */
export const contains = (folder: string, file: string): boolean => {
  const relative = path.relative(folder, file);
  return relative !== "" && relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative);
};
