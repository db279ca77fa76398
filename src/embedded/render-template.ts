import Handlebars from "handlebars/runtime.js";
import { invariant } from "../diagnostics/invariant.ts";
import { partials, type TemplateName, templates } from "./templates.ts";

/** What Handlebars' compiler writes for one template. */
export interface Precompiled {
  readonly compiler?: readonly unknown[];
  readonly main: unknown;
  readonly [part: string]: unknown;
}

/** `{{x}}` is strict by itself; the arguments of blocks are not, so a misspelt name would quietly be false or empty. */
const strictBlocks = ["if", "unless", "each", "with"] as const;

/** What templates may ask of the context of a kernel. */
interface KernelContext {
  /** Operands that are kept in 16 bits, or in CUDA's `T`. */
  readonly halves?: readonly string[];
  /** False in CUDA C++. */
  readonly wgsl?: boolean;
  /** A thread has four values at a time, which `added` adds up. */
  readonly vector?: boolean;
  /** Where in memory the values of an image begin, by operand: `group.z * 40 + `. */
  readonly offsets?: Readonly<Record<string, string>>;
}

/**
 * Around what a block says. Of an operand: `{{#ref "input"}}i{{/ref}}` is its value i of the image at hand, `load` the same
 * in f32, `widened` and `narrowed` what leads there and back where the context keeps it in 16 bits. The others are
 * conversions and sums as each language has them.
 */
const around: Readonly<Record<string, (text: string, context: KernelContext, operand: string) => string>> = {
  widened: (text, { halves }, operand) => (mustHave(halves).includes(operand) ? `widen(${text})` : text),
  narrowed: (text, { halves, wgsl }, operand) => {
    if (!mustHave(halves).includes(operand)) return text;
    return wgsl === false ? `narrow<T>(${text})` : `narrow(${text})`;
  },
  ref: (text, { offsets }, operand) => `${operand}[${mustHave(mustHave(offsets)[operand])}${text}]`,
  load: (text, context, operand) =>
    around.widened?.(around.ref?.(text, context, operand) ?? "", context, operand) ?? "",
  unsigned: (text, { wgsl }) => (wgsl ? `u32(${text})` : text),
  signed: (text, { wgsl }) => (wgsl ? `i32(${text})` : text),
  added: (text, { vector }) => (vector ? `dot(${text}, vec4f(1.0f))` : text),
  summed: (text, { wgsl }) => (wgsl ? `total(lane, ${text})` : `block_sum(${text})`),
};

function mustHave<T>(value: T | undefined): T {
  invariant(value !== undefined, "a template asks for what only a kernel's context has");
  return value;
}

/** Our own copy of Handlebars: what is registered here, nobody else sees. */
export function templateEnvironment(shared: Readonly<Record<string, Precompiled>>): typeof Handlebars {
  const environment = Handlebars.create();
  for (const name of strictBlocks) {
    const original = environment.helpers[name];
    environment.registerHelper(name, function (...args) {
      invariant(args[0] !== undefined, `a template's {{#${name}}} asks for a value that its context lacks`);
      return original?.apply(this, args);
    });
  }
  for (const [name, put] of Object.entries(around)) {
    environment.registerHelper(name, function (this: unknown, ...args: unknown[]) {
      const options = args.at(-1) as Handlebars.HelperOptions;
      return put(options.fn(this), options.data.root, args.length > 1 ? String(args[0]) : "");
    });
  }
  for (const [name, spec] of Object.entries(shared)) environment.registerPartial(name, environment.template(spec));
  return environment;
}

const environment = templateEnvironment(partials);
const compiled = new Map(
  Object.entries<Precompiled>(templates).map(([name, spec]) => [name, environment.template(spec)]),
);

/** Context in, text out. A value that the template names and the context lacks is a bug, never an empty string. */
export function renderTemplate(name: TemplateName, context: object): string {
  const template = compiled.get(name);
  invariant(template !== undefined, `there is no template '${name}'`);
  return template(context);
}
