import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { type StorageType, storageTypes } from "../../../model/model.ts";
import { readStdin } from "../../files/read.ts";
import { type AdapterKind, adapterKinds } from "../../gpu/adapters.ts";
import type { AddCommand } from "../command.ts";
import { batchesOption, choice, choices, count, list, once, repeated } from "../options.ts";

interface Options {
  readonly sweep?: string;
  readonly device?: readonly string[];
  readonly dtype?: readonly StorageType[];
  readonly batch?: readonly number[];
  readonly where?: readonly string[];
  readonly sort?: readonly string[];
  readonly top?: number;
  readonly front?: readonly string[];
  readonly budget?: string;
  readonly seed: number;
  readonly evaluations: number;
  readonly measure?: number;
  readonly adapter?: AdapterKind;
  readonly shard?: { readonly index: number; readonly of: number };
  readonly merge?: readonly string[];
  readonly csv?: boolean;
  readonly output?: string;
  readonly emit?: string;
  readonly root?: string;
  readonly json?: boolean;
}

const exploreExamples = `
Examples:
  cnxc explore specs/sweep.cnx                                  every variant, with what it needs and takes
  cnxc explore specs/sweep.cnx --device m3-max --where 'params<=4M' --sort latency --top 5
  cnxc explore specs/sweep.cnx --device h200 --dtype bf16,f32 --batch 1,256 --csv > sweep.csv
  cnxc explore specs/sweep.cnx -o report/                       report.html, rows.csv and exploration.json
  cnxc explore big.cnx --budget params=5M,latency=2ms@m3-max --emit best.cnx
  cnxc explore big.cnx --shard 3/8 --json > part3.json          then: cnxc explore big.cnx --merge part*.json -o report/
`;

const shard = (): Option =>
  new Option("--shard <i/n>", "only the i-th of n parts; --merge joins their --json outputs").argParser(
    (text: string) => {
      const [, index, of] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
      if (index === undefined || of === undefined || index < 1 || index > of)
        throw new InvalidArgumentError("it is i/n with i from 1 to n, such as 3/8");
      return { index, of };
    },
  );

export const addExplore: AddCommand = (program, execute) => {
  program
    .command("explore")
    .description("what the variants of a sweep need, and how long they would take on devices")
    .argument("[spec]", "spec file that declares the sweep, - for standard input")
    .addOption(once("--sweep <name>", "the sweep (default: the only one that the spec declares)"))
    .addOption(list("--device <names>", "devices by name, or files of cnxc calibrate (default: m3-max)"))
    .addOption(choices("--dtype <names>", "storage types (default: the first of each device)", storageTypes))
    .addOption(batchesOption())
    .addOption(repeated("--where <condition>", "only variants such as 'params<=5M' or 'latency@m3-max<2ms'"))
    .addOption(list("--sort <columns>", "order of rows, least first, or with :max most first (default: as declared)"))
    .addOption(count("--top <rows>", "only the first rows in that order", 1, 100_000))
    .addOption(list("--front <columns>", "what the best trade against each other (default: macs:max,latency)"))
    .addOption(once("--budget <limits>", "search for the best within limits: params=5M,latency=2ms@m3-max"))
    .addOption(count("--seed <number>", "of the search", 0, 999_999_999).default(1))
    .addOption(count("--evaluations <points>", "most points that a search looks at", 16, 100_000).default(2000))
    .addOption(count("--measure <variants>", "also time so many of the front on the adapter at hand", 1, 1000))
    .addOption(
      choice("--adapter <kind>", "which adapter measures (default: the first of these there is)", adapterKinds),
    )
    .addOption(shard())
    .addOption(new Option("--merge <files...>", "join the --json outputs of all shards; the spec comes before"))
    .option("--csv", "print the rows as CSV")
    .addOption(once("-o, --output <folder>", "write report.html, rows.csv and exploration.json there"))
    .addOption(once("--emit <spec>", "write the front as the models of a spec"))
    .option("--root <folder>", "the folder that imports may not leave (default: the spec's own)")
    .addHelpText("after", exploreExamples)
    .action((spec: string | undefined, options: Options, command: Command) =>
      execute(async () => {
        const { explore } = await import("../../jobs/explore.ts");
        return explore({
          spec: spec ?? null,
          stdin: await readStdin(spec === undefined ? [] : [spec]),
          root: options.root ?? null,
          question: {
            sweep: options.sweep ?? null,
            devices: options.device ?? [],
            dtypes: options.dtype ?? [],
            batches: options.batch ?? [1],
            where: options.where ?? [],
            sort: options.sort ?? [],
            top: options.top ?? null,
            front: options.front ?? ["macs:max", "latency"],
            budget: options.budget ?? null,
            seed: options.seed,
            evaluations: options.evaluations,
            shard: options.shard ?? null,
          },
          merge: options.merge ?? null,
          measure: options.measure ?? null,
          adapter: options.adapter ?? null,
          as: command.optsWithGlobals().json ? "json" : options.csv ? "csv" : "table",
          folder: options.output ?? null,
          emit: options.emit ?? null,
        });
      }),
    );
};
