/** What nobody should be able to write to a terminal, a page or a source by way of a file. */
export const hostile: Readonly<Record<string, string>> = {
  controls: "\u001b]0;t\u0007\u001b[2J\u009b31m\u0085\u007f\u0008\u202egnp\u2066\u200f\u061c\u2028\u200bb",
  lines: "x\nforged: all is well\r\nforged: indeed\n",
  markup: `"><img src=x onerror=alert(1)></script><script>alert(1)</script>*/ int x; /* --><!-- ]]>\`'$(id)??/\\`,
  long: "n".repeat(10_000),
};

/** What would do something to a terminal, or turn the direction of the text around it; lines end and tabs stand. */
export const commanding = /(?![\n\t])\p{Cc}|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/u;

/** The same and the ends of lines that are none in every language, as a name or a message never has them. */
export const hidden = new RegExp(`${commanding.source}|[\\u2028\\u2029]`, "u");
