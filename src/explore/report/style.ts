/** Rules of the page of an exploration. Rows are as tall as the script reckons with. */
export const style = `main { max-width: 76rem; }
#still { display: none; }
#still:has(noscript > *) { display: block; }
.one main > header, .one #overview, .one .notice, .one #still { display: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.notice { color: var(--wrong); }
a { color: var(--bar); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
small { color: var(--soft); font-size: 0.75rem; font-weight: 400; }
code { font: 0.8125rem ui-monospace, monospace; background: var(--line); padding: 0.0625rem 0.25rem; border-radius: 0.25rem; }
button, select, input { font: inherit; color: inherit; }
button { cursor: pointer; background: none; border: 1px solid var(--line); border-radius: 0.375rem; padding: 0.125rem 0.625rem; }
button:hover { border-color: var(--soft); }
:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
h1:focus, .box:focus { outline: none; }
nav { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.5rem 1.25rem; margin-bottom: 1.25rem; }
.lead { color: var(--soft); font-variant-numeric: tabular-nums; list-style: none; padding: 0; margin: 0 0 1.25rem; }
.controls { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; margin-bottom: 0.75rem; }
.controls label { display: flex; align-items: center; gap: 0.5rem; color: var(--soft); font-size: 0.875rem; }
.controls .wide { flex: 1; max-width: 36rem; }
select, input[type=search] { background: var(--sheet); color: var(--ink); border: 1px solid var(--line); border-radius: 0.375rem; padding: 0.3125rem 0.5rem; min-width: 0; max-width: 100%; font-size: 0.9375rem; }
input[type=search] { width: 100%; }
input[type=search]::placeholder { color: var(--soft); }
input[type=checkbox] { accent-color: var(--bar); width: 1rem; height: 1rem; margin: 0; vertical-align: -0.125rem; }
.found { margin: 0 0 0.25rem; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.found.wrong { color: var(--wrong); }
details { margin: 0 0 0.75rem; color: var(--soft); font-size: 0.875rem; max-width: 52rem; }
details p { margin: 0.375rem 0; }
summary { cursor: pointer; width: fit-content; }
figure { margin: 0; }
figcaption, .note { color: var(--soft); font-size: 0.875rem; margin: 0.5rem 0 0; max-width: none; }
figure + figure { margin-top: 1.25rem; }
.drawing { min-width: 0; overflow: hidden; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg.narrow text { font-size: 10px; }
svg .title { fill: var(--ink); }
svg .strong { fill: var(--ink); font-weight: 600; }
svg .halo { fill: var(--ink); paint-order: stroke; stroke: var(--sheet); stroke-width: 4px; stroke-linejoin: round; }
svg .best.halo { fill: var(--bar); font-weight: 600; }
.plot[tabindex] { cursor: crosshair; touch-action: manipulation; }
.grid { stroke: var(--line); }
.dots { fill: none; stroke: var(--dot); stroke-width: 5px; stroke-linecap: round; stroke-opacity: 0.32; }
.dots.away { stroke-opacity: 0.08; }
.dots.best { stroke: var(--bar); stroke-width: 8px; stroke-opacity: 1; }
.front { fill: none; stroke: var(--bar); stroke-width: 1.5px; stroke-linejoin: round; }
.area { fill: var(--bar); fill-opacity: 0.14; }
.limit { fill: none; stroke: var(--soft); stroke-dasharray: 4 4; }
.tie { fill: none; stroke: var(--soft); stroke-opacity: 0.7; }
.ring { fill: var(--sheet); stroke: var(--dot); stroke-width: 1.25px; }
.marker circle { fill: none; stroke: var(--ink); stroke-width: 2px; }
.kernel { fill: var(--bar); fill-opacity: 0.45; stroke: var(--bar); }
.face { fill: var(--bar); fill-opacity: 0.45; stroke: var(--bar); stroke-width: 0.75px; stroke-linejoin: round; }
.face.lit { fill-opacity: 0.18; }
.face.shaded { fill-opacity: 0.7; }
.cut { fill: none; stroke: var(--bar); stroke-width: 0.75px; stroke-opacity: 0.7; }
.readout { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 0.75rem; min-height: 2.125rem; margin: 0.75rem 0 0; max-width: none; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.agreement { display: grid; grid-template-columns: minmax(0, 28rem) 1fr; gap: 1rem 3rem; align-items: center; }
.agreement dl { display: grid; gap: 1rem; }
.agreement dd { font-size: 1.25rem; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; font-weight: 400; padding: 0.25rem 1.25rem 0.25rem 0; white-space: nowrap; }
.number { text-align: right; }
thead th { color: var(--soft); font-size: 0.8125rem; }
caption { text-align: left; font-weight: 600; padding: 0 0 0.5rem; }
.scroll { overflow-x: auto; }
.figures th.group { padding-top: 1.25rem; font-weight: 600; }
.figures tbody th { color: var(--soft); }
.figures tbody th.group { color: var(--ink); }
.box { background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; max-height: min(38rem, 80vh); overflow: auto; overscroll-behavior-y: auto; scroll-padding-top: 4rem; }
.box table { table-layout: fixed; width: 100%; border-collapse: separate; border-spacing: 0; }
.box th, .box td { height: 32px; padding: 0 1ch; overflow: hidden; text-overflow: ellipsis; background: var(--sheet); }
.box thead { position: sticky; top: 0; z-index: 2; }
.box thead th, .box thead td { border-bottom: 1px solid var(--line); }
.box .groups th, .box .groups td { border-bottom: 0; }
.box .groups th { border-left: 1px solid var(--line); color: var(--ink); font-weight: 600; }
.box thead button { border: 0; padding: 0.25rem 0; border-radius: 0.25rem; color: inherit; white-space: nowrap; }
.box thead button:hover { color: var(--ink); }
.box thead button::before, .box .place button::after, .box .text button::after { content: "↓"; opacity: 0; margin: 0 0.25em; }
.box .place button::before, .box .text button::before { content: none; }
.box [aria-sort=ascending] button::before, .box [aria-sort=ascending] button::after { content: "↑"; opacity: 1; }
.box [aria-sort=descending] button::before, .box [aria-sort=descending] button::after { opacity: 1; }
.box [aria-sort=ascending], .box [aria-sort=descending] { color: var(--ink); }
.box .spacer td { padding: 0; background: none; }
.box .tick { text-align: center; }
.box .place { position: sticky; left: 0; z-index: 1; }
.box .best .place a::after { content: "●"; margin-left: 0.375em; font-size: 0.625rem; vertical-align: 0.125em; display: inline-block; }
.box tbody tr:hover > *, .box tbody .current > * { background: color-mix(in srgb, var(--bar) 12%, var(--sheet)); }
.bars { display: grid; gap: 0.5rem; }
.bar { display: grid; grid-template-columns: 9rem 1fr; gap: 0.25rem 1rem; align-items: center; font-size: 0.875rem; }
.bar .label { color: var(--soft); }
.track { display: grid; grid-template-columns: 1fr 5.5rem 2.75rem; gap: 0.5rem; align-items: center; font-variant-numeric: tabular-nums; line-height: 1.3; }
.track:has(.name) { grid-template-columns: 3.5rem 1fr 5.5rem 2.75rem; }
.track .name, .track .share { color: var(--soft); }
.track .value, .track .share { text-align: right; }
.rail { display: block; height: 0.75rem; }
.rail b { display: block; height: 100%; background: var(--bar); border-radius: 0.1875rem; }
.rail b.second { background: var(--dot); }
.basket { position: sticky; bottom: 0.75rem; z-index: 3; display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; width: fit-content; max-width: 100%; margin: 1rem auto 0; padding: 0.5rem 1rem; background: var(--sheet); border: 1px solid var(--soft); border-radius: 0.75rem; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.basket[hidden] { display: none; }
.basket .chosen { display: inline-flex; align-items: center; gap: 0.375rem; }
.basket button { padding: 0 0.4375rem; line-height: 1.4; }
.basket .go { font-weight: 600; }
.soft { color: var(--soft); }
@media (max-width: 34rem) {
  .sheet { padding: 0.75rem; }
  .agreement { grid-template-columns: minmax(0, 1fr); }
  .agreement dl { grid-template-columns: 1fr 1fr; }
  .dots { stroke-width: 4px; }
  .dots.best { stroke-width: 6px; }
  .controls label { flex: 1 1 100%; }
  .controls label select { flex: 1; }
  .bar { grid-template-columns: 1fr; }
  .figures { font-size: 0.8125rem; }
  .figures th, .figures td { white-space: normal; padding-right: 0.625rem; }
  .figures tr > :last-child { padding-right: 0; }
}
@media (prefers-reduced-motion: no-preference) { .marker circle { transition: r 0.12s; } }
@media print {
  @page { margin: 14mm; }
  :root { color-scheme: light; --ground: #fff; --sheet: #fff; --ink: #000; --soft: #555; --line: #ddd; --bar: #22655d; --dot: #000; }
  main { max-width: none; padding: 0; }
  nav, .controls, .readout, .found, details, .basket, #overview section:has(.box) { display: none; }
  .sheet { border: 0; padding: 0; break-inside: avoid; }
  .scroll { overflow: visible; }
  h2 { margin-top: 1.5rem; break-after: avoid; }
  table { font-size: 8pt; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  th, td { white-space: normal; padding-right: 0.75rem; }
  body:not(.one) #still { display: block; }
  #still table { margin-top: 1.5rem; width: 100%; }
  #still tbody tr > * { border-top: 0.5pt solid #ddd; }
}
`;
