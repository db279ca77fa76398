// @ts-check
// Started by output-processes.test.ts: replaces a directory again and again, by one version and the other.
import { publish } from "../../dist/node/output/publish.js";

const [, , directory = "", times = "1", only = ""] = process.argv;
const versions = {
  old: { "model.ts": "one", "wgsl/a.wgsl": "a", "wgsl/b.wgsl": "b" },
  new: { "model.ts": "two", "wgsl/a.wgsl": "a", "onnx/m.onnx": "o" },
};

process.stdout.write("ready\n");
for (let i = 0; i < Number(times); i++) {
  const version = only === "" ? (i % 2 === 0 ? "new" : "old") : only;
  const result = await publish({
    directory,
    files: Object.entries(versions[/** @type {"old" | "new"} */ (version)]).map(([path, contents]) => ({
      path,
      contents,
    })),
    origin: { compiler: "0.1.0", specs: [{ name: "a.cnx", sha256: "" }], options: {} },
    inputs: [],
    project: directory,
    followOutside: false,
    waiting: { looks: 2400, lookMs: 25 },
  });
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join());
}
