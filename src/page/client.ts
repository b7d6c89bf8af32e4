import type uPlot from "uplot";
import type { InstantTexts } from "./instants.ts";

/** What the browser is given of one panel: as in `Panel`, with big numbers as text. */
export interface ClientPanel {
  readonly base: string;
  readonly x: number[];
  readonly map: (number | null)[];
  readonly segment: number[];
  readonly sigma: (number | null)[];
  readonly bound: (number | null)[];
  readonly used: (number | null)[];
  readonly rejected: (number | null)[];
  readonly stale: (number | null)[];
  readonly events: readonly { readonly x: number; readonly label: string }[];
  readonly lines: readonly { readonly x: number; readonly offsetNs: string; readonly driftPpb: number }[];
  readonly view: { readonly x: number[]; readonly map: number[]; readonly residual: number[] };
}

/**
 * Draws the panels of a page into their places and keeps charts and readouts in step.
 *
 * The browser runs this function from its own text, so it uses nothing outside itself and its arguments.
 */
export function drawPanels(
  Plot: typeof uPlot,
  panels: readonly ClientPanel[],
  quantityText: (ns: number, digits?: number) => string,
  instantTexts: () => InstantTexts,
): void {
  type Column = readonly (number | null)[];
  type Name = "map" | "residual";
  const steps = [
    1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000,
  ];
  const color = (name: string) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const { clockText, dateText, splitDay } = instantTexts();

  for (const place of document.querySelectorAll<HTMLElement>("[data-panel]")) {
    const panel = panels[Number(place.dataset.panel)];
    if (panel === undefined) continue;
    const base = BigInt(panel.base);
    const instantOf = (x: number) => base + BigInt(Math.round(x * 1e9));
    const plots: uPlot[] = [];
    const readout = (name: string) => place.querySelector<HTMLElement>(`[data-value="${name}"]`);
    const sum = (one: Column, other: Column, factor: number) =>
      one.map((value, at) => {
        const second = other[at];
        return value === null || second === null || second === undefined ? null : value + factor * second;
      });
    const zero = panel.map.map((value) => (value === null ? null : 0));

    const show = (at: number | null, isReading: boolean) => {
      const x = at === null ? undefined : panel.x[at];
      const line = at === null ? undefined : panel.lines[panel.segment[at] ?? 0];
      const set = (name: string, text: string) => {
        const cell = readout(name);
        if (cell !== null) cell.textContent = text;
      };
      const ns = (column: Column) => {
        const value = at === null ? null : column[at];
        return value === null || value === undefined ? null : value;
      };
      if (at === null || x === undefined || line === undefined) {
        for (const name of ["time", "offset", "line", "sigma", "bound", "reading"]) set(name, "–");
        return;
      }
      const [day, ofDay] = splitDay(instantOf(x));
      set("time", `${dateText(day)}T${clockText(ofDay, 9)}Z`);
      const distance = ns(panel.map);
      const straight = (x - line.x) * line.driftPpb + (distance ?? 0);
      const offset = BigInt(line.offsetNs) + BigInt(Math.round(straight));
      set("offset", distance === null ? "–" : quantityText(Number(offset), 10));
      set("line", distance === null ? "–" : quantityText(distance));
      const sigma = ns(panel.sigma);
      set("sigma", sigma === null ? "–" : quantityText(2 * sigma));
      const bound = ns(panel.bound);
      set("bound", bound === null ? "none" : quantityText(bound));
      const kinds = ["used", "rejected", "stale"] as const;
      const kind = kinds.find((one) => ns(panel[one]) !== null);
      set(
        "reading",
        kind === undefined || !isReading ? "–" : `${quantityText(ns(panel[kind]) ?? 0)} (${kind})`,
      );
    };

    /** Tells of the reading within 12 px of the cursor that is nearest to it, else of the map alone. */
    const follow = (plot: uPlot, name: Name) => {
      const { left = -1, top = -1, idx } = plot.cursor;
      if (left < 0 || idx === null || idx === undefined) return show(null, false);
      let best: number | undefined;
      let least = 12;
      const reach = 12 * ((plot.scales.x?.max ?? 0) - (plot.scales.x?.min ?? 0));
      const from = plot.posToVal(left, "x");
      for (let at = 0; at < panel.x.length; at++) {
        const x = panel.x[at] ?? 0;
        if (Math.abs(x - from) * plot.over.clientWidth > reach) continue;
        const residual = panel.used[at] ?? panel.rejected[at] ?? panel.stale[at];
        if (residual === null || residual === undefined) continue;
        const y = residual + (name === "map" ? (panel.map[at] ?? 0) : 0);
        const distance = Math.hypot(plot.valToPos(x, "x") - left, plot.valToPos(y, "y") - top);
        if (distance < least) {
          least = distance;
          best = at;
        }
      }
      show(best ?? idx, best !== undefined);
    };

    /** Half the side of a reading's dot: few are to be seen too. */
    const dot = panel.used.filter((one) => one !== null).length > 500 ? 1 : 2;
    const drawReadings = (plot: uPlot, name: Name) => {
      const { ctx, bbox } = plot;
      const unit = Plot.pxRatio;
      const [low, high] = [bbox.top, bbox.top + bbox.height];
      ctx.save();
      ctx.setLineDash([]);
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      for (const kind of ["used", "stale", "rejected"] as const) {
        const column = panel[kind];
        ctx.strokeStyle = ctx.fillStyle = color(kind);
        ctx.lineWidth = 1.5 * unit;
        ctx.beginPath();
        for (let at = 0; at < column.length; at++) {
          const residual = column[at];
          if (residual === null || residual === undefined) continue;
          const px = plot.valToPos(panel.x[at] ?? 0, "x", true);
          const y = residual + (name === "map" ? (panel.map[at] ?? 0) : 0);
          const py = plot.valToPos(y, "y", true);
          const r = 3 * unit;
          if (kind !== "used" && (py < low || py > high)) {
            const [edge, inward] = py < low ? [low + unit, r * 2] : [high - unit, -r * 2];
            ctx.moveTo(px, edge);
            ctx.lineTo(px - r, edge + inward);
            ctx.lineTo(px + r, edge + inward);
            ctx.closePath();
          } else if (kind === "used") {
            ctx.rect(px - dot * unit, py - dot * unit, 2 * dot * unit, 2 * dot * unit);
          } else if (kind === "stale") {
            ctx.rect(px - r, py - r, 2 * r, 2 * r);
          } else {
            ctx.moveTo(px - r, py - r);
            ctx.lineTo(px + r, py + r);
            ctx.moveTo(px - r, py + r);
            ctx.lineTo(px + r, py - r);
          }
        }
        if (kind === "used") ctx.fill();
        else ctx.stroke();
      }
      ctx.restore();
    };

    const drawEvents = (plot: uPlot, isNamed: boolean) => {
      const { ctx, bbox } = plot;
      const unit = Plot.pxRatio;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = color("event");
      ctx.lineWidth = 1.5 * unit;
      ctx.setLineDash([6 * unit, 4 * unit]);
      ctx.font = `${12 * unit}px system-ui, sans-serif`;
      ctx.textBaseline = "top";
      ctx.textAlign = "left";
      /** Right ends of the labels in each row, so that none lies on another. */
      const rows: number[] = [];
      for (const { x, label } of panel.events) {
        const px = plot.valToPos(x, "x", true);
        if (px < bbox.left || px > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(px, bbox.top);
        ctx.lineTo(px, bbox.top + bbox.height);
        ctx.stroke();
        if (!isNamed) continue;
        const width = ctx.measureText(label).width;
        const isRight = px + width + 8 * unit <= bbox.left + bbox.width;
        const start = isRight ? px + 4 * unit : px - width - 4 * unit;
        const free = rows.findIndex((end) => end < start - 4 * unit);
        const row = free < 0 ? rows.length : free;
        if (row > 4) continue;
        rows[row] = start + width;
        const top = bbox.top + (14 + 16 * row) * unit;
        ctx.globalAlpha = 0.7;
        ctx.fillStyle = color("ground");
        ctx.fillRect(start - 2 * unit, top - unit, width + 4 * unit, 15 * unit);
        ctx.globalAlpha = 1;
        ctx.fillStyle = color("event");
        ctx.fillText(label, start, top);
      }
      ctx.restore();
    };

    const axisTexts = (values: number[]) => {
      const most = Math.max(...values.map(Math.abs));
      const units = [
        [1e9, "s"],
        [1e6, "ms"],
        [1e3, "us"],
        [1, "ns"],
      ] as const;
      const [scale, unit] = units.find(([least]) => most >= least) ?? units[3];
      return values.map((value) => `${Number((value / scale).toPrecision(6))} ${unit}`);
    };
    const timeSplits = (_: uPlot, __: number, min: number, max: number, step: number) => {
      const phase = Number(splitDay(base)[1]) / 1e9;
      const first = Math.ceil((min + phase) / step);
      return Array.from(
        { length: Math.max(0, Math.floor((max + phase) / step) - first + 1) },
        (_, at) => Math.round(((first + at) * step - phase) * 1e9) / 1e9,
      );
    };
    const timeTexts = (_: uPlot, values: number[], __: number, ___: number, step: number) => {
      let shown: number | undefined;
      return values.map((value) => {
        const [day, ofDay] = splitDay(instantOf(value));
        const text = step < 60 ? clockText(ofDay, step < 1 ? 3 : 0) : clockText(ofDay, 0).slice(0, 5);
        const date = day === shown ? "" : `\n${dateText(day)}`;
        shown = day;
        return text + date;
      });
    };

    const reset = () => {
      for (const [at, plot] of plots.entries()) {
        const [low = 0, high = 1] = at === 0 ? panel.view.map : panel.view.residual;
        plot.setScale("y", { min: low, max: high });
      }
      const [min = 0, max = 1] = panel.view.x;
      plots[0]?.setScale("x", { min, max });
    };

    /** Shows what was chosen; of a span of time alone all of the map and its readings, however flat. */
    const zoom = (plot: uPlot, { left, top, width, height }: uPlot.BBox) => {
      if (width < 1 || height < 1) return;
      const [min, max] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
      const isBox = height < plot.over.clientHeight - 1;
      const y = { min: plot.posToVal(top + height, "y"), max: plot.posToVal(top, "y") };
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      plot.setScale("x", { min, max });
      if (isBox) plot.setScale("y", y);
      const shown = panel.map.filter((value, at) => {
        const x = panel.x[at] ?? 0;
        return value !== null && x >= min && x <= max;
      }) as number[];
      const [low = 0, high = 0] = panel.view.residual;
      if ((isBox && plot === plots[0]) || shown.length === 0) return;
      plots[0]?.setScale("y", { min: Math.min(...shown) + low, max: Math.max(...shown) + high });
    };

    const build = (name: Name) => {
      const target = place.querySelector<HTMLElement>(`[data-chart="${name}"]`);
      if (target === null) return;
      const center = name === "map" ? panel.map : zero;
      const columns = [center, sum(center, panel.sigma, 2), sum(center, panel.sigma, -2)];
      if (name === "map") columns.push(sum(center, panel.bound, 1), sum(center, panel.bound, -1));
      const edge: uPlot.Series = { width: 0, points: { show: false } };
      const limit: uPlot.Series = {
        width: 1,
        dash: [4, 4],
        stroke: () => color("bound"),
        points: { show: false },
      };
      const axis: uPlot.Axis = {
        stroke: () => color("ink"),
        font: "12px system-ui, sans-serif",
        grid: { stroke: () => color("grid"), width: 1 },
        ticks: { stroke: () => color("grid"), width: 1 },
      };
      const plot = new Plot(
        {
          width: target.clientWidth,
          height: target.clientHeight,
          padding: [8, 12, 0, 0],
          pxAlign: false,
          legend: { show: false },
          scales: { x: { time: false, auto: false }, y: { auto: false } },
          series: [
            {},
            { stroke: () => color("map"), width: 2, points: { show: false } },
            edge,
            edge,
            ...(name === "map" ? [limit, limit] : []),
          ],
          bands: [{ series: [2, 3], fill: () => color("band") }],
          axes: [
            { ...axis, size: 44, space: 76, incrs: steps, splits: timeSplits, values: timeTexts },
            { ...axis, size: 74, space: 36, values: (_, values) => axisTexts(values) },
          ],
          cursor: {
            points: { show: false },
            drag: { x: true, y: true, uni: 24, dist: 6, setScale: false },
            bind: {
              dblclick: () => () => {
                reset();
                return null;
              },
            },
          },
          hooks: {
            draw: [
              (one) => {
                drawReadings(one, name);
                drawEvents(one, name === "map");
              },
            ],
            setScale: [
              (one, key) => {
                const { min, max } = one.scales.x ?? {};
                if (key !== "x" || min === undefined || max === undefined) return;
                for (const other of plots)
                  if (other !== one && (other.scales.x?.min !== min || other.scales.x?.max !== max))
                    other.setScale("x", { min, max });
              },
            ],
            setSelect: [(one) => zoom(one, one.select)],
            setCursor: [
              (one) => {
                const left = one.cursor.left ?? -10;
                for (const other of plots)
                  if (other !== one)
                    other.setCursor({ left, top: left < 0 ? -10 : (other.cursor.top ?? -10) }, false);
                follow(one, name);
              },
            ],
          },
        },
        [panel.x, ...columns],
        target,
      );
      plots.push(plot);
      followTouch(plot);
      new ResizeObserver(() =>
        plot.setSize({ width: target.clientWidth, height: target.clientHeight }),
      ).observe(target);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
    };

    /** A finger moves the cursor and chooses a span; up and down still scrolls the page. */
    const followTouch = (plot: uPlot) => {
      let start: number | undefined;
      const spanTo = (event: PointerEvent, from: number) => {
        const left = event.clientX - plot.over.getBoundingClientRect().left;
        const span = { left: Math.min(left, from), width: Math.abs(left - from) };
        return { ...span, top: 0, height: plot.over.clientHeight };
      };
      plot.over.addEventListener("pointerdown", (event) => {
        if (event.pointerType === "touch") start = spanTo(event, 0).width;
      });
      plot.over.addEventListener("pointermove", (event) => {
        if (start === undefined) return;
        const { left, top } = plot.over.getBoundingClientRect();
        plot.setCursor({ left: event.clientX - left, top: event.clientY - top });
        plot.setSelect(spanTo(event, start), false);
      });
      plot.over.addEventListener("pointerup", (event) => {
        if (start === undefined) return;
        const span = spanTo(event, start);
        stop();
        if (span.width > 12) zoom(plot, span);
      });
      const stop = () => {
        start = undefined;
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      };
      plot.over.addEventListener("pointercancel", stop);
    };

    build("map");
    build("residual");
    reset();
    place.querySelector("button")?.addEventListener("click", reset);
    place.dataset.drawn = "true";
  }
}
