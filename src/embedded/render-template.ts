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

/** `{{#widened "input"}}input[i]{{/widened}}`: around what is said, where the context keeps that operand in 16 bits. */
const around = { widened: "widen", narrowed: "narrow" } as const;

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
  for (const [name, call] of Object.entries(around)) {
    environment.registerHelper(name, function (this: unknown, ...args: unknown[]) {
      const [operand, options] = args as [string, Handlebars.HelperOptions];
      const { halves } = options.data.root as { readonly halves?: readonly string[] };
      invariant(halves !== undefined, `a template's {{#${name}}} stands outside of a kernel`);
      const text = options.fn(this);
      return halves.includes(operand) ? `${call}(${text})` : text;
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
