import { createHash } from "node:crypto";
import type { ClockEvent, ClockMap, ClockSegment } from "../clock/index.ts";
import { formatInstant } from "../time.ts";
import { type ClientPanel, drawPanels } from "./client.ts";
import { html, jsonText, type Markup } from "./html.ts";
import { instantTexts } from "./instants.ts";
import { type Panel, type PlottedReadings, panelsOf } from "./panel.ts";
import { quantityText, signedText } from "./quantity.ts";
import { pageStyle } from "./style.ts";

/** The clocks of a capture as the page shows them; every text may be anything that a user wrote. */
export interface PlottedCapture {
  readonly capture: string;
  readonly reference: string;
  readonly version: string;
  readonly clocks: readonly PlottedClock[];
  readonly maps: readonly PlottedMap[];
}

/** A clock's way to the reference clock; `path` is undefined where there is none. Sigma and bound in ns, the largest of the middles of its segments. */
export interface PlottedClock {
  readonly clock: string;
  readonly path: string | undefined;
  readonly sigmaNs: number;
  readonly boundNs: number;
}

export interface PlottedMap {
  readonly label: string;
  readonly from: string;
  readonly to: string;
  readonly model: string;
  readonly map: ClockMap;
  readonly evidence: readonly PlottedEntry[];
  readonly readings: readonly PlottedReadings[];
}

export interface PlottedEntry {
  readonly kind: string;
  readonly origin: string;
  readonly rows: number;
  readonly rejected: number;
  readonly stale: number;
  readonly invalid: number;
}

/** What the page carries of uPlot: its script, its rules and the terms that it comes under. */
export interface PlotLibrary {
  readonly script: string;
  readonly style: string;
  readonly license: string;
}

/** One HTML document that shows clock maps, and loads nothing: its own scripts and rules are all that may run in it. */
export function clockPage(capture: PlottedCapture, library: PlotLibrary): string {
  const panels: Panel[] = [];
  const sections = capture.maps.map((map) => mapSection(map, panels));
  const style = `${library.style}\n${pageStyle}`;
  const script = [
    `/*\n${library.license.replaceAll("*/", "* /")}\n*/`,
    library.script,
    `(${drawPanels.toString()})(uPlot, JSON.parse(document.getElementById("panels").textContent), ${quantityText.toString()}, ${instantTexts.toString()});`,
  ].join("\n");
  for (const text of [style, script]) {
    if (/<\/(script|style)|<!--/i.test(text)) throw new Error("a script or rule would end its own element");
  }
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; base-uri 'none'; form-action 'none'`;
  const none = html`<p>The manifest has no maps: every clock in use is the reference clock.</p>`;
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Clocks of ${capture.capture}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<header>
<h1>Clocks of ${capture.capture}</h1>
<p class="muted">Reference clock: ${capture.reference}. Offset = target − source, so corrected = stamp + offset. Times are UTC. tagalign ${capture.version}</p>
</header>
<main>
${capture.maps.length === 0 ? none : clocksTable(capture)}
${sections}
</main>
<script type="application/json" id="panels">${{ markup: jsonText(panels.map(clientPanel)) }}</script>
<script>${{ markup: script }}</script>
</body>
</html>
`;
  return body.markup;
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function clientPanel(panel: Panel): ClientPanel {
  const { base, x, map, segment, sigma, bound, used, rejected, stale, events, segments, view } = panel;
  const lines = segments.map(({ start, offsetNs, driftPpb }) => ({
    x: Number(start - base) / 1e9,
    offsetNs: String(offsetNs),
    driftPpb,
  }));
  const columns = { x: [...x], map: [...map], segment: [...segment], sigma: [...sigma], bound: [...bound] };
  const readings = { used: [...used], rejected: [...rejected], stale: [...stale] };
  const range = { x: [...view.x], map: [...view.map], residual: [...view.residual] };
  return { base: String(base), ...columns, ...readings, events, lines, view: range };
}

function mapSection(plotted: PlottedMap, panels: Panel[]): Markup {
  const { label, from, to, model, map, evidence, readings } = plotted;
  const own = panelsOf(map, readings);
  const pictures = own.map((panel, at) => {
    panels.push(panel);
    const title = own.length === 1 ? html`` : html`<h3>Stretch ${at + 1} of ${own.length}</h3>`;
    return html`${title}${panelMarkup(panel, panels.length - 1, plotted)}`;
  });
  const asserted = html`<p>The offset is asserted for all time: there are no readings to draw.</p>`;
  return html`<section>
<h2>${label}</h2>
<p>Turns readings of ${from} into readings of ${to}. Model: ${model}.</p>
${own.length === 0 ? asserted : pictures}
${table("Evidence", ["kind", "from", "rows", "rejected", "stale", "invalid"], evidence.map(entryCells), "llrrrr")}
${table(
  "Segments",
  segmentTitles,
  map.segments.map((segment) => segmentCells(segment, map)),
  "llrrrrrrrr",
)}
${table("Events", ["event", `time on ${from}`, "change of the offset"], map.events.map(eventCells), "llr")}
${own.map((panel, at) => samplesTable(panel, plotted, own.length === 1 ? "" : `, stretch ${at + 1}`))}
</section>
`;
}

function panelMarkup(panel: Panel, at: number, { from, to }: PlottedMap): Markup {
  const { segments, base, x, readings, drawn } = panel;
  const spanS = (x.at(-1) ?? 0) - (x[0] ?? 0);
  const resolution = quantityText(Math.max(spanS * 2 ** -52 * 1e9, 1e-3), 1);
  const lines = segments.slice(0, 3).map(lineText).join("; ");
  const rest = segments.length > 3 ? `; and ${segments.length - 3} more, in the table of segments` : "";
  const thinned = html`<p class="muted">${drawn} of ${readings} readings are drawn: in each of 1000 columns the least and the greatest of those used, rejected and stale.</p>`;
  return html`<div data-panel="${at}">
<ul class="keys">
${key('<path class="map" d="M0 8H20"/>', "map")}
${key('<rect class="band" width="20" height="16"/>', "2 sigma of the map")}
${key('<path class="bound" d="M0 8H20"/>', "hard bound")}
${key('<rect class="used" x="8" y="6" width="3" height="3"/>', "reading used")}
${key('<path class="rejected" d="M6 4l8 8M6 12l8-8"/>', "rejected")}
${key('<rect class="stale" x="6" y="4" width="8" height="8"/>', "stale")}
${key('<path class="event" d="M10 0V16"/>', "event")}
</ul>
<figure>
<figcaption>Offset of ${to} from ${from}, minus ${segments.length === 1 ? "the straight line" : "each segment's straight line"}: ${lines}${rest}</figcaption>
<div data-chart="map" role="img" aria-label="Offset against time; the same as numbers in the tables below"></div>
</figure>
<figure>
<figcaption>Residuals: readings minus map</figcaption>
<div data-chart="residual" role="img" aria-label="Residuals against time"></div>
</figure>
<dl class="readout">
<div class="wide"><dt>time on ${from}</dt><dd data-value="time">–</dd></div>
<div><dt>offset</dt><dd data-value="offset">–</dd></div>
<div><dt>minus the line</dt><dd data-value="line">–</dd></div>
<div><dt>2 sigma</dt><dd data-value="sigma">–</dd></div>
<div><dt>hard bound</dt><dd data-value="bound">–</dd></div>
<div><dt>reading − map</dt><dd data-value="reading">–</dd></div>
</dl>
<p><button type="button">Show all</button></p>
<p class="muted">Drag to zoom, sideways for time alone; double-click shows all again. Rejected and stale readings outside the picture are triangles on its edge.</p>
<p class="muted">Times are counted in s from ${instantText(base)} in float64: to ${resolution} or better.</p>
${drawn < readings ? thinned : html``}
</div>`;
}

/** To the ns, without the zeros at the end. */
function instantText(ns: bigint): string {
  return formatInstant(ns).replace(/[.]?0*Z$/, "Z");
}

function lineText({ start, offsetNs, driftPpb }: ClockSegment): string {
  return `${quantityText(Number(offsetNs), 9)} at ${instantText(start)}, ${driftText(driftPpb)}`;
}

function driftText(ppb: number): string {
  return `${ppb > 0 ? "+" : ""}${(ppb / 1000).toFixed(3)} ppm`;
}

function key(drawing: string, text: string): Markup {
  return html`<li><svg viewBox="0 0 20 16" aria-hidden="true">${{ markup: drawing }}</svg>${text}</li>`;
}

function clocksTable({ reference, clocks }: PlottedCapture): Markup {
  const rows = clocks.map(({ clock, path, sigmaNs, boundNs }) =>
    path === undefined
      ? [clock, "–", "–", "no maps lead there"]
      : [clock, quantityText(sigmaNs), quantityText(boundNs), path],
  );
  return table(`Every clock's way to ${reference}`, ["clock", "sigma", "hard bound", "maps"], rows, "lrrw");
}

function entryCells({ kind, origin, rows, rejected, stale, invalid }: PlottedEntry): string[] {
  return [kind, origin, String(rows), String(rejected), String(stale), String(invalid)];
}

const segmentTitles = [
  "start",
  "end",
  "offset at start",
  "drift",
  "residual p50",
  "p99",
  "mid sigma",
  "hard bound",
  "pairs",
  "rejected",
];

function segmentCells(segment: ClockSegment, map: ClockMap): string[] {
  const { start, end, offsetNs, driftPpb, residualP50Ns, residualP99Ns, pairs, rejected } = segment;
  const isTimeless = end - start > 2n ** 63n;
  const middle = BigInt64Array.of(isTimeless ? 0n : start + (end - start) / 2n);
  return [
    isTimeless ? "always" : instantText(start),
    isTimeless ? "always" : instantText(end),
    quantityText(Number(offsetNs), 9),
    driftText(driftPpb),
    quantityText(residualP50Ns),
    quantityText(residualP99Ns),
    quantityText(map.uncertainty(middle)[0]!),
    quantityText(map.bound(middle)[0]!),
    String(pairs),
    String(rejected),
  ];
}

function eventCells({ kind, time, sizeNs }: ClockEvent): string[] {
  return [kind, instantText(time), signedText(Number(sizeNs), 9)];
}

/** The map of a stretch as numbers, for those who cannot see the picture. */
function samplesTable({ segments }: Panel, { from, map }: PlottedMap, which: string): Markup {
  const times = BigInt64Array.from(
    segments.flatMap(({ start, end }) => {
      const parts = segments.length > 3 ? 2n : 8n;
      return Array.from(
        { length: Number(parts) + 1 },
        (_, at) => start + ((end - start) * BigInt(at)) / parts,
      );
    }),
  ).filter((time, at, all) => at === 0 || time !== all[at - 1]);
  const [targets, sigmas, bounds] = [map.apply(times), map.uncertainty(times), map.bound(times)];
  const rows = Array.from(times, (time, at) => [
    instantText(time),
    quantityText(Number(targets[at]! - time), 10),
    quantityText(2 * sigmas[at]!),
    quantityText(bounds[at]!),
  ]);
  const cells = table("", [`time on ${from}`, "offset", "2 sigma", "hard bound"], rows, "lrrr");
  return html`<details><summary>The map as numbers${which}</summary>${cells}</details>`;
}

function table(
  caption: string,
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  alignment: string,
): Markup {
  if (rows.length === 0) return html``;
  const isRight = (column: number) => alignment[column] === "r";
  const classes = { l: "left", r: "right", w: "wrapped" } as const;
  const cell = (text: string, column: number) =>
    html`<td class="${classes[alignment[column] as keyof typeof classes]}">${text}</td>`;
  const title = (text: string, column: number) =>
    isRight(column) ? html`<th scope="col" class="right">${text}</th>` : html`<th scope="col">${text}</th>`;
  const body = rows.map((row) => html`<tr>${row.map(cell)}</tr>`);
  return html`<div class="scroll" tabindex="0"><table>
${caption === "" ? html`` : html`<caption>${caption}</caption>`}
<thead><tr>${titles.map(title)}</tr></thead>
<tbody>${body}</tbody>
</table></div>`;
}
