import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";

/** Where optional packages are looked for, as Node would: from cnxc's own place, then from the current directory. */
function searchPaths(name: string): readonly string[] {
  return [import.meta.filename, path.join(currentDirectory(), "cnxc")].flatMap(
    from => createRequire(from).resolve.paths(name) ?? [],
  );
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

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return path.parse(process.execPath).root; // it has been deleted
  }
}
