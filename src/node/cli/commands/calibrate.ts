import type { StorageType } from "../../../model/model.ts";
import { storedBy } from "../../../model/select.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import type { AddCommand } from "../command.ts";
import { choice, choices, once } from "../options.ts";

interface Options {
  readonly output: string;
  readonly name?: string;
  readonly adapter?: AdapterKind;
  readonly dtype?: readonly StorageType[];
}

const calibrateExamples = `
Examples:
  cnxc calibrate -o my-gpu.json                       times small models on the adapter at hand, and fits a device to them
  cnxc explore specs/sweep.cnx --device ./my-gpu.json
`;

export const addCalibrate: AddCommand = (program, execute) => {
  program
    .command("calibrate")
    .description("time small models on the WebGPU adapter at hand, and write a device file for explore")
    .requiredOption("-o, --output <file>", "the device file")
    .addOption(once("--name <name>", "what explore calls it (default: the file's name)"))
    .addOption(choice("--adapter <kind>", "WebGPU adapter (default: the first of these there is)", adapterKinds))
    .addOption(choices("--dtype <names>", "storage types to time (default: f32)", storedBy.wgsl))
    .addHelpText("after", calibrateExamples)
    .action((options: Options) =>
      execute(async () => {
        const { calibrate } = await import("../../jobs/fit-device.ts");
        return calibrate({
          output: options.output,
          name: options.name ?? null,
          adapter: options.adapter ?? null,
          dtypes: options.dtype ?? ["f32"],
        });
      }),
    );
};
