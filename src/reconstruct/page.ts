/** What a page of reconstructions shows. Pictures are addresses: `data:` ones make the page stand alone. */
export interface PageContent {
  readonly title: string;
  /** What was run, a name and a value each. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly images: readonly {
    readonly name: string;
    readonly loss: number;
    readonly input: string;
    readonly masked: string;
    readonly reconstruction: string;
  }[];
  /** Of every picture, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  readonly stages: readonly {
    readonly name: string;
    readonly channels: number;
    /** Mean pairwise cosine distance of its channels, of each image. */
    readonly distances: readonly number[];
  }[];
}

/** One HTML page that needs no network and no script. */
export const page = ({ title, facts, images, size, stages }: PageContent): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<dl>${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("")}</dl>
</header>
<section aria-labelledby="images">
<h2 id="images">Images</h2>
<p>What the model was given, what was left of it, and what it made of the rest. The loss is the mean square error over
the removed patches, in what the model predicts.</p>
${images.map(image => imageOf(image, size)).join("\n")}
</section>
<section aria-labelledby="collapse">
<h2 id="collapse">Feature collapse</h2>
<p>The mean cosine distance between the channels of each stage, over the kept patches. Near 0, channels are copies of one
another; that is the collapse that global response normalisation is there to prevent. ½ is as far apart as they get.</p>
<div class="chart" role="list">
${stages.map(stageOf).join("\n")}
<div class="axis" aria-hidden="true"><span></span><div class="ticks"><span>0</span><span>¼</span><span>½</span></div><span></span></div>
</div>
<p class="note">A bar is the mean over the images${images.length > 1 ? ", each of which has a dot" : ""}.</p>
</section>
</main>
</body>
</html>
`;

function imageOf(image: PageContent["images"][number], { width, height }: PageContent["size"]): string {
  const figure = (source: string, caption: string, kind: string) =>
    `<figure class="${kind}"><img src="${source}" width="${width}" height="${height}" alt="${caption} of ${escapeHtml(image.name)}"><figcaption>${caption}</figcaption></figure>`;
  return `<article>
<h3>${escapeHtml(image.name)} <span>loss ${image.loss.toFixed(4)}</span></h3>
<div class="strip">${figure(image.input, "Input", "input")}${figure(image.masked, "Masked input", "masked")}${figure(image.reconstruction, "Reconstruction", "result")}</div>
</article>`;
}

/** The largest distance there is: no sum of directions is shorter than nothing. */
const most = 0.5;
const percent = (distance: number): string => `${((100 * distance) / most).toFixed(2)}%`;

function stageOf({ name, channels, distances }: PageContent["stages"][number]): string {
  const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
  const dots = distances.length > 1 ? distances.map(value => `<i style="left:${percent(value)}"></i>`).join("") : "";
  return `<div class="stage" role="listitem"><span class="label">${escapeHtml(name)} <small>${channels} channels</small></span><div class="track"><b style="width:${percent(mean)}"></b>${dots}</div><span class="value">${mean.toFixed(3)}</span></div>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, character => entities[character] ?? character);

const style = `
:root { color-scheme: light dark; --ground: #fbfaf7; --sheet: #fff; --ink: #1d1d1b; --soft: #66645e; --line: #e2dfd7; --bar: #2f7d74; --dot: #1d1d1b; }
@media (prefers-color-scheme: dark) { :root { --ground: #151614; --sheet: #1e1f1d; --ink: #eceae4; --soft: #a3a097; --line: #34352f; --bar: #5fb3a8; --dot: #eceae4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0 0 1rem; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 0.25rem; font-size: 1.25rem; font-weight: 650; }
h3 { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; margin: 0 0 0.75rem; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
h3 span, .value { font-variant-numeric: tabular-nums; }
h3 span { color: var(--soft); font-weight: 400; white-space: nowrap; }
p { max-width: 42rem; margin: 0 0 1.25rem; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; margin: 0; }
dt { color: var(--soft); font-size: 0.8125rem; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
article, .chart { background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1rem; margin: 0 0 1rem; }
.strip { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.75rem; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 0.375rem; background: var(--line); }
figcaption { margin-top: 0.375rem; color: var(--soft); font-size: 0.8125rem; }
.stage, .axis { display: grid; grid-template-columns: 12rem 1fr 3rem; align-items: center; gap: 0.75rem; }
.stage { padding: 0.5rem 0; }
.label small { color: var(--soft); font-size: 0.8125rem; white-space: nowrap; }
.track { position: relative; height: 0.875rem; background: var(--line); border-radius: 0.25rem; }
.track b { display: block; height: 100%; background: var(--bar); border-radius: 0.25rem; min-width: 2px; }
.track i { position: absolute; top: 50%; width: 0.5rem; height: 0.5rem; margin: -0.25rem; border-radius: 50%; background: var(--sheet); border: 1.5px solid var(--dot); }
.value { text-align: right; }
.ticks { display: flex; justify-content: space-between; color: var(--soft); font-size: 0.8125rem; }
.note { font-size: 0.8125rem; }
@media (max-width: 34rem) {
  main { padding: 1.25rem 0.875rem 3rem; }
  h1 { font-size: 1.375rem; }
  dl, .strip { display: grid; grid-template-columns: 1fr 1fr; column-gap: 0.75rem; }
  .result { grid-column: 1 / -1; }
  .stage { grid-template-columns: 1fr auto; gap: 0.25rem 0.75rem; }
  .stage .track { grid-column: 1 / -1; grid-row: 2; }
  .axis { grid-template-columns: 1fr; }
  .axis > span { display: none; }
}
`;
