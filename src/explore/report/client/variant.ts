import type { Device } from "../../device.ts";
import type { Detail, Setting, Variant } from "../../result.ts";
import { boundTitles } from "../columns.ts";
import { amount, digits, durationsOf, share } from "../format.ts";
import { bars } from "./bars.ts";
import { button, type Child, el, section } from "./dom.ts";
import { figuresOf } from "./figures.ts";
import { byBound, type KernelLine, kernelLines, total } from "./kernels.ts";
import { type PlainColumn, plainTable } from "./plain-table.ts";
import { rooflineDrawing } from "./roofline.ts";
import { stagesDrawing } from "./stages.ts";
import { compareHref, type State, toggleCompared } from "./state.ts";
import { timelineDrawing } from "./timeline.ts";

/** A variant's own page. */
export function variantView(state: State, variant: Variant): readonly Child[] {
  const detail = state.detailOf(variant.index);
  const [setting] = state.exploration.query.settings;
  const title = `Variant #${variant.index}`;
  return [
    el("nav", { "aria-label": "Page" }, el("a", { href: "#" }, "All variants"), compareLink(state, variant)),
    el("h1", { tabindex: "-1" }, title),
    el("p", { class: "lead" }, `${state.nameOf(variant)}${state.front.has(variant.index) ? " · on the front" : ""}`),
    section("stages", "Stages", stagesDrawing([{ title, stages: variant.stages }])),
    section("figures", "Figures", ...figuresOf(state, variant)),
    ...(detail !== null && setting !== undefined ? detailSections(state, detail, setting) : [noDetail()]),
  ];
}

const noDetail = (): HTMLElement => el("p", { class: "note" }, "This report has no kernels of this variant.");

function compareLink(state: State, { index }: Variant): HTMLElement {
  const other = state.compared.find(other => other !== index);
  if (other !== undefined) return el("a", { href: compareHref(other, index) }, `Compare with #${other}`);
  const toggle = button(state.compared.includes(index) ? "Do not compare" : "Compare", () => {
    toggleCompared(state, index);
    toggle.textContent = state.compared.includes(index) ? "Do not compare" : "Compare";
  });
  return toggle;
}

function detailSections(state: State, detail: Detail, setting: Setting): readonly HTMLElement[] {
  const { profile } = detail;
  const lines = kernelLines(detail, setting.batch);
  const where = `${setting.title}, ${setting.dtype}, batch ${setting.batch}`;
  const device = state.report.devices.find(({ name }) => name === setting.device);
  return [
    section(
      "bound",
      "What bounds it",
      el("p", {}, boundWords(lines, where)),
      sheet(bars([{ name: "", parts: byBound(lines) }])),
    ),
    section("kernels", "Kernels", ...roofline(lines, device, setting), kernelTable(lines)),
    section(
      "memory",
      "Scratch memory",
      el(
        "p",
        {},
        "What must be kept at each kernel, and how much laying it out takes. Of a stage with more than three blocks the first three stand for all.",
      ),
      sheet(timelineDrawing(profile.timeline, profile.scratchBytes)),
    ),
  ];
}

const sheet = (content: Child): HTMLElement => el("div", { class: "sheet" }, content);

function boundWords(lines: readonly KernelLine[], where: string): string {
  const whole = total(lines);
  const [most] = byBound(lines).toSorted((a, b) => b.seconds - a.seconds);
  const words = most === undefined ? "" : `, ${share(most.seconds, whole)} of it in kernels bound by ${most.title}`;
  return `${digits(1e3 * whole)} ms predicted for ${where}${words}.`;
}

function roofline(
  lines: readonly KernelLine[],
  device: Device | undefined,
  { dtype }: Setting,
): readonly HTMLElement[] {
  const rates = device?.rates[dtype];
  if (device === undefined || rates === undefined) return [];
  const without = lines.filter(({ macs }) => macs === 0);
  const words = `What each kernel does for a byte that it moves, and how fast, under the ceilings of ${device.title}. A dot is as large as its share of the time${
    without.length > 0
      ? `; kernels without multiply-adds, ${share(total(without), total(lines))} of the time, have no place here`
      : ""
  }.`;
  return [el("p", {}, words), sheet(rooflineDrawing(lines, device, rates))];
}

function kernelTable(lines: readonly KernelLine[]): HTMLElement {
  const whole = total(lines);
  const { unit, text } = durationsOf(lines.map(({ seconds }) => seconds));
  const sums = (of: (line: KernelLine) => string) => (line: KernelLine) => (line.macs === 0 ? "–" : of(line));
  const columns: readonly PlainColumn<KernelLine>[] = [
    { title: "kernel", of: ({ cost }) => cost.kind, isText: true },
    { title: "launches", of: ({ count }) => `${count}` },
    { title: "MACs each", of: sums(({ macs }) => amount(macs, "")) },
    { title: "bytes each", of: ({ bytes }) => amount(bytes, "B") },
    { title: "MACs/B", of: sums(({ intensity }) => digits(intensity)) },
    { title: "MACs/s", of: sums(({ rate }) => amount(rate, "")) },
    { title: `time, ${unit}`, of: ({ seconds }) => text(seconds) },
    { title: "share", of: ({ seconds }) => share(seconds, whole) },
    { title: "bound by", of: ({ bound }) => boundTitles[bound], isText: true },
  ];
  return plainTable("Kernels", columns, lines);
}
