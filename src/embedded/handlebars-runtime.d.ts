/** What we use of Handlebars' runtime; its own declaration file for this entry exports nothing. */
declare module "handlebars/runtime.js" {
  type Helper = (this: unknown, ...args: unknown[]) => unknown;
  interface Runtime {
    readonly helpers: Readonly<Record<string, Helper>>;
    create(): Runtime;
    template(spec: object): (context: object) => string;
    registerHelper(name: string, helper: Helper): void;
    registerPartial(name: string, partial: (context: object) => string): void;
  }
  const runtime: Runtime;
  export default runtime;
}
