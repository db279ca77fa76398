import { escapeHtml, page as htmlPage } from "../html/page.ts";

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
export const page = ({ title, facts, images, size, stages }: PageContent): string =>
  htmlPage({ title, facts, body: bodyOf(images, size, stages), style });

const bodyOf = (
  images: PageContent["images"],
  size: PageContent["size"],
  stages: PageContent["stages"],
): string => `<section aria-labelledby="images">
<h2 id="images">Images</h2>
<p>What the model was given, what was left of it, and what it made of the rest. The loss is the mean square error over
the removed patches, in what the model predicts.</p>
${images.map(image => imageOf(image, size)).join("\n")}
</section>
<section aria-labelledby="collapse">
<h2 id="collapse">Feature collapse</h2>
<p>The mean cosine distance between the channels of each stage, over the kept patches. Near 0, channels are copies of one
another; that is the collapse that global response normalisation is there to prevent. ½ is as far apart as they get.</p>
<div class="chart sheet" role="list">
${stages.map(stageOf).join("\n")}
<div class="axis" aria-hidden="true"><span></span><div class="ticks"><span>0</span><span>¼</span><span>½</span></div><span></span></div>
</div>
<p class="note">A bar is the mean over the images${images.length > 1 ? ", each of which has a dot" : ""}.</p>
</section>`;

function imageOf(image: PageContent["images"][number], { width, height }: PageContent["size"]): string {
  const figure = (source: string, caption: string, kind: string) =>
    `<figure class="${kind}"><img src="${source}" width="${width}" height="${height}" alt="${caption} of ${escapeHtml(image.name)}"><figcaption>${caption}</figcaption></figure>`;
  return `<article class="sheet">
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

const style = `h3 { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; margin: 0 0 0.75rem; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
h3 span, .value { font-variant-numeric: tabular-nums; }
h3 span { color: var(--soft); font-weight: 400; white-space: nowrap; }
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
  .strip { display: grid; grid-template-columns: 1fr 1fr; column-gap: 0.75rem; }
  .result { grid-column: 1 / -1; }
  .stage { grid-template-columns: 1fr auto; gap: 0.25rem 0.75rem; }
  .stage .track { grid-column: 1 / -1; grid-row: 2; }
  .axis { grid-template-columns: 1fr; }
  .axis > span { display: none; }
}
`;
