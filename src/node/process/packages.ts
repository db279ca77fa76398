import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";

/** Names a folder in whose node_modules optional packages are looked for too. */
export const packagesVariable = "CNXC_PACKAGES";

/**
 * Where optional packages are looked for, as Node would: from cnxc's own place, and from a folder that the user names.
 * Never from the current one by itself: what lies there may be anybody's code.
 */
function searchPaths(name: string): readonly string[] {
  const named = process.env[packagesVariable];
  const more = named === undefined || named === "" ? [] : [path.join(path.resolve(named), "cnxc")];
  return [import.meta.filename, ...more].flatMap(from => createRequire(from).resolve.paths(name) ?? []);
}

/** How a package that is missing is installed where it is found: beside cnxc, in a project or for all of them. */
export function howToInstall(words: string): string {
  const inside = import.meta.filename.lastIndexOf(`${path.sep}node_modules${path.sep}`);
  const folder = inside < 0 ? path.resolve(import.meta.dirname, "../../..") : import.meta.filename.slice(0, inside);
  const beside = fs.existsSync(path.join(folder, "package.json")) ? `${words} in ${folder}` : `-g ${words}`;
  return `run npm install ${beside}, or anywhere and name that folder in ${packagesVariable}`;
}

/** The folder of an installed package, and the node_modules folder that it lies in; or null. */
export function findPackage(name: string): { readonly folder: string; readonly modules: string } | null {
  const modules = searchPaths(name).find(at => fs.existsSync(path.join(at, name, "package.json")));
  return modules === undefined ? null : { folder: path.join(modules, name), modules };
}

/** A file of an installed package, or null where the package is not there. */
export function packageFile(name: string, file: string): string | null {
  const found = findPackage(name);
  return found && path.join(found.folder, file);
}

/**
 * Imports an installed package, or one module of it, or gives null where there is none. A package that cannot be loaded
 * throws.
 */
export async function importPackage(name: string, module?: string): Promise<unknown> {
  const found = findPackage(name);
  if (found === null) return null;
  const wanted = module === undefined ? name : `${name}/${module}`;
  const entry = createRequire(path.join(found.modules, "cnxc")).resolve(wanted);
  return import(pathToFileURL(entry).href);
}
