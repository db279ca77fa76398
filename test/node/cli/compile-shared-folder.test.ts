import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";

const model = (name: string, depth = 1): string =>
  `model ${name} { depths [${depth}]  dims [6]  input 16x12x3  stem patch 2  head classifier { classes 4 } }\n`;

/** A project with these specs, and the command in it. */
function project(specs: Readonly<Record<string, string>>) {
  const folder = newFolder();
  fill(folder, specs);
  const at = (file: string): string => path.join(folder, file);
  const compile = (...words: readonly string[]) =>
    cnxc(["compile", ...words, "-t", "wgsl", "-o", "out"], { cwd: folder });
  const json = async (...words: readonly string[]) => {
    const { code, stdout } = await compile(...words, "--json");
    const { outputs, diagnostics } = JSON.parse(stdout);
    const paths = (status: string): readonly string[] =>
      outputs.filter((one: { status: string }) => one.status === status).map(({ path }: { path: string }) => path);
    return { code, diagnostics, paths };
  };
  const folders = () => fs.readdirSync(at("out")).filter(name => name !== "cnxc.manifest.json");
  return { folder, at, compile, json, folders };
}

test("a second spec compiled into the folder leaves the first one's files, and all commands know both", async () => {
  const { folder, at, compile, json, folders } = project({ "cats.cnx": model("cats"), "dogs.cnx": model("dogs") });
  await compile("cats.cnx");
  const second = await json("dogs.cnx");
  expect([second.code, folders(), second.paths("removed")]).toEqual([0, ["cats", "dogs"], []]);
  expect(second.paths("other")).toContain("cats/cats.js");
  expect(second.paths("written")).toContain("dogs/dogs.js");
  expect((await compile("dogs.cnx")).stdout).toMatch(
    /0 files written, \d+ unchanged, 0 removed, \d+ of other models as they were\n$/,
  );
  expect(await cnxc(["verify", "out"], { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
  for (const spec of ["cats.cnx", "dogs.cnx"])
    expect(await compile(spec, "--check")).toMatchObject({ code: 0, stderr: "" });
  fs.writeFileSync(at("dogs.cnx"), model("wolves"));
  expect((await json("dogs.cnx", "--check")).paths("extra").length).toBe(0); // told as diagnostics
  expect((await compile("dogs.cnx", "--check")).code).toBe(1);
  const renamed = await json("dogs.cnx");
  expect(renamed.paths("removed")).toContain("dogs/dogs.js");
  expect(folders()).toEqual(["cats", "wolves"]);
});

test("a spec whose model has the name of another's in the folder is refused, with what to do", async () => {
  const { at, compile } = project({ "cats.cnx": model("cats"), "more/cats.cnx": model("cats", 2) });
  await compile("cats.cnx");
  const before = fs.readFileSync(at("out/cats/plan.txt"), "utf8");
  const refused = await compile("more/cats.cnx");
  expect(refused.code).toBe(6);
  expect(refused.stderr).toMatch(
    /from another spec, '\.\.\/cats\.cnx'; compile to another -o, or delete it.*\n.*\/out\/cats\n/,
  );
  expect(fs.readFileSync(at("out/cats/plan.txt"), "utf8")).toBe(before);
  fs.rmSync(at("out/cats"), { recursive: true });
  expect((await compile("more/cats.cnx")).code).toBe(0);
});

test("two models of one spec, each with its weights, go into one folder one after the other", async () => {
  const { folder, compile, folders, at } = project({ "pets.cnx": model("cats") + model("dogs") });
  await compile("pets.cnx", "-m", "cats", "-w", "random:1");
  await compile("pets.cnx", "-m", "dogs", "-w", "random:2");
  expect(folders()).toEqual(["cats", "dogs"]);
  for (const name of ["cats", "dogs"]) expect(fs.existsSync(at(`out/${name}/weights.safetensors`))).toBe(true);
  expect(await compile("pets.cnx", "-m", "cats", "-w", "random:1", "--check")).toMatchObject({ code: 0 });
  expect(await cnxc(["verify", "out"], { cwd: folder })).toMatchObject({ code: 0 });
  await compile("pets.cnx");
  expect(fs.existsSync(at("out/dogs/weights.safetensors"))).toBe(false);
});

test("what standard input holds may be another spec each time", async () => {
  const folder = newFolder();
  const compile = (name: string) =>
    cnxc(["compile", "-", "-t", "wgsl", "-o", path.join(folder, "out")], { input: model(name) });
  await compile("cats");
  expect(await compile("dogs")).toMatchObject({ code: 0 });
  expect(fs.readdirSync(path.join(folder, "out")).sort()).toEqual(["cats", "cnxc.manifest.json", "dogs"]);
});
