import * as fs from "node:fs";
import Handlebars from "handlebars";
import { expect, test } from "vitest";
import { embeddedFile, embedTemplates, options } from "../scripts/embed-templates.mjs";
import { type Precompiled, templateEnvironment } from "../src/embedded/render-template.ts";

const compiled = (text: string): Precompiled => new Function(`return ${Handlebars.precompile(text, options)}`)();
const rendered = (text: string, context: object, shared: Readonly<Record<string, Precompiled>> = {}) => {
  const environment = templateEnvironment(shared);
  return environment.template(compiled(text))(context);
};

test("src/embedded/templates.ts is what the templates give; if not: npm run generate", () => {
  expect(fs.readFileSync(embeddedFile, "utf8")).toBe(embedTemplates());
});

test("nothing is escaped, blocks eat their own lines, partials keep their indent", () => {
  const text = "{\n{{#each items}}\n  {{type}} {{@index}} {{../tail}};\n{{/each}}\n  {{> part}}\n}\n";
  const context = { items: [{ type: "vec4<f32>" }], tail: "a && b" };
  const shared = { part: compiled("x\ny\n") };
  expect(rendered(text, context, shared)).toBe("{\n  vec4<f32> 0 a && b;\n  x\n  y\n}\n");
});

test("a chain of conditions on lines of its own nests: Handlebars leaves the indent of the tag that ends an `else if`", () => {
  const folder = new URL("../templates", import.meta.url);
  const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(name => name.endsWith(".hbs"));
  const text = names.map(name => fs.readFileSync(`${folder.pathname}/${name}`, "utf8")).join("");
  expect(text.match(/^ *\{\{else (if|unless).*/gm)).toBe(null);
  const chain = "{\n  {{#if a}}\n  a\n  {{else if b}}\n  b\n  {{else}}\n  c\n  {{/if}}\n}\n";
  expect(rendered(chain, { a: false, b: false })).toBe("{\n  c\n  }\n");
});

test.each(["{{gone}}", "{{#if gone}}x{{/if}}", "{{#unless gone}}x{{/unless}}", "{{#each a.gone}}x{{/each}}"])(
  "%s throws where the context has no such value",
  text => {
    expect(() => rendered(text, { a: {} })).toThrow(/gone|lacks/);
  },
);

test("what Handlebars would take for helpers of its own are words", () => {
  expect(rendered("{{log}} {{lookup}}", { log: "logf", lookup: "at" })).toBe("logf at");
  expect(() => rendered("{{log}}", {})).toThrow(/log/);
});

test("null and false are values", () => {
  expect(
    rendered("{{#if a}}x{{else}}y{{/if}}{{#unless b}}z{{/unless}}{{#each c}}w{{/each}}", { a: null, b: false, c: [] }),
  ).toBe("yz");
});
