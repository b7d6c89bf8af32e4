import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { clockPage, type PlotLibrary } from "../page/index.ts";
import type { ClockFit } from "./clocks/index.ts";
import type { ClocksReport } from "./inspect-clocks.ts";

/** The page that shows the clocks of a report, with the fits that it tells of. */
export async function clocksPage(report: ClocksReport, fits: readonly ClockFit[]): Promise<string> {
  const maps = fits.map(({ from, to, label, model, map, outcomes }, at) => {
    const evidence = report.maps[at]!.entries;
    return { from, to, label, model, map, evidence, readings: outcomes };
  });
  const clocks = report.clocks.map(({ from: clock, path, sigma_ns: sigma, bound_ns: bound }) => ({
    clock,
    path: path?.map(({ map, inverted }) => (inverted ? `${map} inverted` : map)).join(", "),
    sigmaNs: sigma ?? Number.POSITIVE_INFINITY,
    boundNs: bound ?? Number.POSITIVE_INFINITY,
  }));
  const { capture, reference_clock: reference, version } = report;
  return clockPage({ capture, reference, version, clocks, maps }, await readPlotLibrary());
}

async function readPlotLibrary(): Promise<PlotLibrary> {
  const { resolve } = createRequire(import.meta.url);
  const [script, style, license] = await Promise.all(
    ["uplot/dist/uPlot.iife.min.js", "uplot/dist/uPlot.min.css", "uplot/LICENSE"].map((name) =>
      readFile(resolve(name), "utf8"),
    ),
  );
  return { script: script!, style: style!, license: license! };
}
