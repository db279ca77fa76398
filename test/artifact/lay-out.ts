import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { moveWeightsOut } from "../corpus/artifacts-build.ts";
import { cnxc } from "../support/cli.ts";

/** What compile makes of micro, once for the tests of a file, and copies of it with a mistake each; gone with the tests. */
export function artefacts() {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), "cnxc-artifacts-")));
  const compiled = path.join(root, "compiled");
  afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
  beforeAll(async () => {
    const words = ["compile", "specs/micro.cnx", "-m", "micro", "-t", "wgsl,onnx", "-w", "random:1", "-o", compiled];
    expect((await cnxc(words)).code).toBe(0);
    moveWeightsOut(compiled);
  });
  let folders = 0;
  const layOut = (change: (folder: string) => void = () => {}): string => {
    const folder = path.join(root, `${++folders}`);
    fs.cpSync(compiled, folder, { recursive: true });
    change(folder);
    return folder;
  };
  return { root, compiled, layOut };
}
