import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import ts from "typescript-5.9";
import { expect, test } from "vitest";
import { validateWgsl } from "../../src/node/gpu/dawn.ts";
import { cnxc } from "../support/cli.ts";
import { newFolder } from "../support/folders.ts";
import { hostile } from "../support/hostile.ts";

const complaints = (command: string, words: readonly string[], cwd: string): string => {
  const { stdout, stderr, status } = spawnSync(command, words, { cwd, encoding: "utf8" });
  return status === 0 ? stderr : `${status}: ${stdout}${stderr}`;
};
const has = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

/** Names of files hold anything but a slash and a NUL. */
const names = Object.values(hostile).map(text => `${text.replaceAll("/", "_").slice(0, 100)}.cnx`);

test.runIf(has("g++") && has("cmake") && has("python3"))(
  "compilers take what is made from specs of hostile names, without a warning",
  async () => {
    const parent = newFolder();
    for (const [i, name] of names.entries()) {
      const folder = path.join(parent, `${i}`);
      mkdirSync(folder);
      writeFileSync(path.join(folder, name), readFileSync("specs/micro.cnx"));
      const words = ["compile", path.join(folder, name), "-m", "micro", "-o", path.join(folder, "out")];
      expect((await cnxc([...words, "-t", "wgsl,cuda", "--torch", "--preprocess"])).code, name).toBe(0);
      const made = path.join(folder, "out/micro");
      const c = ["-DCNXC_CPU", "-Wall", "-Wextra", "-Wcomment", "-Wtrigraphs", "-Werror", "-fsyntax-only"];
      expect(complaints("gcc", ["-std=c11", ...c, "-x", "c", "cuda/micro.h"], made), name).toBe("");
      expect(complaints("g++", ["-std=c++17", ...c, "-x", "c++", "cuda/micro.h"], made), name).toBe("");
      expect(complaints("cmake", ["-S", "cuda", "-B", "build", "-DCNXC_CPU=ON"], made), name).toBe("");
      const parsed = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf8').read())";
      expect(complaints("python3", ["-c", parsed, "cuda/torch/micro_torch.py"], made), name).toBe("");
      for (const file of readdirSync(made).filter(file => /\.[jt]s$/.test(file))) {
        const source = ts.createSourceFile(file, readFileSync(path.join(made, file), "utf8"), ts.ScriptTarget.ES2022);
        const { parseDiagnostics } = source as unknown as { readonly parseDiagnostics: readonly unknown[] };
        expect(parseDiagnostics, `${name}: ${file}`).toEqual([]);
      }
      const [kernel = ""] = readdirSync(path.join(made, "wgsl"));
      const code = readFileSync(path.join(made, "wgsl", kernel), "utf8");
      expect(await validateWgsl(code), name).toMatchObject({ ok: true, value: [] });
    }
  },
);
