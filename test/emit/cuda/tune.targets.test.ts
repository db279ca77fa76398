import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { emit } from "../../../src/compile.ts";
import { candidates } from "../../../src/emit/cuda/candidates.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { readTable } from "../../../src/emit/cuda/tuning-table.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import type { ProductChoice } from "../../../src/plan/tiles/tuned-choices.ts";
import { cnxc } from "../../support/cli.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

/** Bytes of shared memory that every architecture has. */
const least = 101_376;

describe.runIf(hasGxx)("cnxc tune, rehearsed on the CPU", () => {
  /** Every round is a build of all kernels: a model of few. */
  function toy() {
    const spec = path.join(newFolder(), "toy.cnx");
    const fields = "depths [1, 1]\n  dims [8, 16]\n  input 32x32x3\n  head classifier { classes 10 }";
    writeFileSync(spec, `model toy {\n  ${fields}\n}\n`);
    return { spec, words: ["tune", spec, "--on", "cuda-cpu", "--dtype", "bf16", "--batch", "2"] };
  }

  test("writes a table of every shape, which compile takes", async () => {
    const folder = newFolder();
    const [table, out] = [path.join(folder, "cpu.json"), path.join(folder, "out")];
    const { spec, words } = toy();
    const ran = await cnxc([...words, "--candidates", "2", "-o", table, "--json"]);
    expect(ran.code).toBe(0);
    const { result } = JSON.parse(ran.stdout);
    expect(result.error).toBeLessThan(3e-2);
    expect(result.error).toBeGreaterThan(1e-4); // else nothing was stored in 16 bits
    const read = readTable(readFileSync(table), table);
    if (!read.ok) throw new Error("the table cannot be read");
    expect(read.value.rows).toHaveLength(7 + 2); // and a row for the linears of each stage together
    expect(read.value.rows.filter(({ kernel }) => kernel === "mlp")).toHaveLength(2);
    // The default is one of those timed, and what is chosen is the least of them, whatever a clock says.
    for (const { times } of read.value.rows) expect(times?.milliseconds).toBeLessThanOrEqual(times?.usual ?? 0);
    const compile = ["compile", spec, "-t", "cuda", "--dtype", "bf16", "--batch", "2"];
    expect((await cnxc([...compile, "--cuda-tuning", table, "-o", out])).code).toBe(0);

    const merged = await cnxc(["tune", "--merge", "sm_90", "-o", table]);
    expect(merged.stderr).toContain("this table is for sm_90, not for cpu; give another file");
    expect(merged.code).toBe(2);
    expect(readTable(readFileSync(table), table)).toMatchObject({ ok: true, value: read.value });
  });

  /** What the generated text says of the first product's first two tiles. */
  function firstProduct(spec: string): readonly string[] {
    const loaded = loadProgram(spec, null, null);
    const model = loaded.ok ? loaded.value.program.models.get("toy") : undefined;
    if (!model) throw new Error("the spec has no toy");
    const batch = { min: 2, max: 2 };
    const unit = emit({ model, target: cudaTarget("bf16"), batch, taps: [], context: inMemoryContext });
    if (!unit.ok || unit.value.plan === null) throw new Error("it does not compile");
    const shapes = candidates(unit.value.plan, least);
    const choices = shapes.find(({ kernel }) => kernel === "product")?.candidates as readonly ProductChoice[];
    return choices.map(({ rows, columns }) => `block_rows = ${rows}, block_columns = ${columns};`);
  }

  test.runIf(full)("leaves out choices whose outputs are wrong", async () => {
    const folder = newFolder();
    const { spec, words } = toy();
    const [first, second] = firstProduct(spec);
    expect(second).not.toBe(first);
    mkdirSync(path.join(folder, "bin"));
    const wrapper = path.join(folder, "bin/g++");
    // A compiler that gives products of the second choices a wrong bias.
    writeFileSync(
      wrapper,
      `#!/bin/sh
if [ "$1" = --version ]; then echo faulty; exit; fi
for word in "$@"; do
  sources=$(dirname "$word")/cuda
  if grep -qs "${second}" "$sources/stages.0.0.pwconv1.cu"; then sed -i 's/shift.v\\[1\\]/0.5f/' "$sources"/*pwconv1.cu; fi
done
PATH=\${PATH#*:} exec g++ "$@"
`,
    );
    chmodSync(wrapper, 0o755);
    const table = path.join(folder, "cpu.json");
    const env = { PATH: `${path.dirname(wrapper)}:${process.env.PATH}`, XDG_CACHE_HOME: folder };
    const ran = await cnxc([...words, "--candidates", "2", "-o", table], { env });
    expect(ran.stderr).toMatch(/choice 2 of 2 was left out: outputs are .* off, more than 0.03 for bf16/);
    expect(ran.code).toBe(0);
    const read = readTable(readFileSync(table), table);
    const kernels = read.ok ? read.value.rows.filter(({ kernel }) => kernel !== "mlp") : [];
    expect(kernels).toHaveLength(7);
    for (const { times } of kernels) expect(times?.milliseconds).toBe(times?.usual);
  });
});
