// @ts-check
// Started by interrupt.test.ts: replaces a directory by a version whose last file never ends.

import { publish } from "../../dist/node/output/publish.js";
import { installSignals } from "../../dist/node/process/interrupt.js";

const [, , directory = ""] = process.argv;

async function* endless() {
  for (;;) {
    yield new Uint8Array(1 << 16);
    process.stdout.write("writing\n");
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

installSignals(() => {});
await publish({
  directory,
  files: [
    { path: "model.ts", contents: "new" },
    { path: "w.bin", contents: endless() },
  ],
  origin: { compiler: "0.1.0", specs: [{ name: "a.cnx", sha256: "" }], options: {} },
  inputs: [],
  project: directory,
  followOutside: false,
});
