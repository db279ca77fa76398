import { fileURLToPath } from "node:url";

/** The file of a module of src/node, such as `jobs/worker`, for a process or a thread of its own. Run from source, it is the built one. */
export const childModule = (name: string): string =>
  fileURLToPath(
    import.meta.url.endsWith(".ts")
      ? new URL(`../../../dist/node/${name}.js`, import.meta.url)
      : new URL(`../${name}.js`, import.meta.url),
  );
