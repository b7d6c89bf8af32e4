import { createHash } from "node:crypto";
import { Script } from "node:vm";
import { describe, expect, it } from "vitest";
import { clockPage } from "../../src/page/index.ts";
import { capture, mapOf, plotted, readingsOf, segment, steppedMap, T0, uplot } from "./captures.ts";

const evil = "</script><b>\"'&\u202e<!--";
const page = clockPage(capture([steppedMap()]), uplot);

/** What lies between a start and an end of the page, each time. */
const between = (text: string, start: RegExp, end: string) =>
  [...text.matchAll(new RegExp(`${start.source}([\\s\\S]*?)${end}`, "g"))].map((match) => match[1] ?? "");
const scripts = between(page, /<script>/, "</script>");
const panelsOf = (text: string) =>
  JSON.parse(between(text, /<script type="application\/json" id="panels">/, "</script>")[0] ?? "");

describe("a page of clocks", () => {
  it("may run its own script and rules alone, and loads nothing", () => {
    const [policy] = between(page, /Content-Security-Policy" content="/, '"');
    const hash = (text = "") => `&#39;sha256-${createHash("sha256").update(text).digest("base64")}&#39;`;
    const [style] = between(page, /<style>/, "</style>");
    expect(policy).toBe(
      `default-src &#39;none&#39;; script-src ${hash(scripts[0])}; style-src ${hash(style)}; ` +
        "base-uri &#39;none&#39;; form-action &#39;none&#39;",
    );
    expect(scripts).toHaveLength(1);
    expect(page).not.toMatch(
      /<(link|img|iframe|object|embed|base)\b|\ssrc=|\shref=|@import|url\(|\sstyle=|\son\w+=/,
    );
    const addresses = page.match(/https?:[^\s"'<>)]*/g) ?? [];
    expect(addresses.filter((one) => !one.startsWith("https://github.com/leeoniya/uPlot"))).toEqual([]);
  });

  it("carries the terms of the library that draws it", () => {
    expect(scripts[0]).toContain("Copyright (c) 2022 Leon Sorokin");
    expect(scripts[0]).toContain("Permission is hereby granted");
  });

  it("has a script that is one, and calls what draws with what it was given", () => {
    expect(() => new Script(scripts[0] ?? "")).not.toThrow();
    // Nothing of the module around a function may be left out of its text.
    expect(scripts[0]).not.toMatch(/\b(__name|_interop|import_|__vite)\w*/);
    const [, call] = (scripts[0] ?? "").split(uplot.script);
    const seen: unknown[] = [];
    const runs = new Script(`(uPlot, document) => {${call}}`).runInThisContext();
    runs(
      { pxRatio: 1 },
      {
        getElementById: (id: string) => ({
          textContent: between(page, new RegExp(`id="${id}">`), "</script>")[0],
        }),
        querySelectorAll: (places: string) => [seen.push(places)].slice(1),
      },
    );
    expect(seen).toEqual(["[data-panel]"]);
  });

  it("escapes every text of its users", () => {
    const map = { ...steppedMap(), from: evil, to: evil, label: evil, model: evil };
    const entry = { kind: evil, origin: evil, rows: 1, rejected: 0, stale: 0, invalid: 0 };
    const clocks = [{ clock: evil, path: evil, sigmaNs: 1, boundNs: 1 }];
    const text = clockPage(
      { capture: evil, reference: evil, version: evil, clocks, maps: [{ ...map, evidence: [entry] }] },
      uplot,
    );
    const markup = text.replace(/<style>[\s\S]*?<\/style>/, "").replace(/<script>[\s\S]*?<\/script>/, "");
    expect(markup).not.toContain("<b>");
    expect(markup).not.toContain("\u202e");
    expect(markup.match(/<\/script>/g)).toHaveLength(1);
    expect(markup.match(/&lt;\/script&gt;&lt;b&gt;&quot;&#39;&amp;\ufffd&lt;!--/g)?.length).toBeGreaterThan(
      12,
    );
    expect(between(text, /<script>/, "</script>")).toEqual(scripts);
  });

  it("refuses a library that would end the element it is put in", () => {
    expect(() => clockPage(capture([]), { ...uplot, script: "</script >" })).toThrow("end its own element");
    expect(() => clockPage(capture([]), { ...uplot, style: "</STYLE>" })).toThrow("end its own element");
  });

  it("names the line that is taken off, the resolution, and says the map in numbers", () => {
    expect(page).toContain("-812.345678 ms at 2026-05-04T07:12:31.25Z, +29.992 ppm");
    expect(page).toContain(
      "Times are counted in s from 2026-05-04T07:12:31.25Z in float64: to 0.002 ns or better.",
    );
    expect(page).toMatch(
      /<td class="left">step<\/td><td class="left">2026-05-04T08:12:31\.25Z<\/td><td class="right">\+300 ms/,
    );
    expect(page).toMatch(
      /The map as numbers<\/summary>[\s\S]*-812\.345678 ms<\/td><td class="right">4 us<\/td><td class="right">250 us/,
    );
    expect(page).not.toMatch(/\bNaN\b|undefined<|\[object|Infinity</);
  });

  it("reserves the height of its charts, so that nothing moves when they are drawn", () => {
    expect(page).toContain("[data-chart] { height: 20rem; }");
    expect(page.match(/data-chart="(map|residual)"/g)).toHaveLength(2 + 1);
    expect(page.match(/<dd data-value="\w+">–<\/dd>/g)).toHaveLength(6);
  });

  it("says so where there is nothing to draw", () => {
    expect(clockPage(capture([]), uplot)).toContain("The manifest has no maps");
    const [start, end] = [String(-(2n ** 63n)), String(2n ** 63n - 1n)];
    const pieces = [{ since: start, from: "0", to: "5", drift: 0, variance: [25, 0, 0], boundNs: null }];
    const always = { start, end, pairs: 1, rejected: 0, residualP50Ns: 0, residualP99Ns: 0, pieces };
    const text = clockPage(capture([plotted(mapOf([always]), [])]), uplot);
    expect(text).toContain("there are no readings to draw");
    expect(text).toContain('<td class="left">always</td>');
    expect(panelsOf(text)).toEqual([]);
  });

  it("thins many readings and tells so", () => {
    const map = mapOf([segment({ start: T0, seconds: 7200, offsetNs: 5n, isFirst: true })]);
    const text = clockPage(capture([plotted(map, [readingsOf(T0, 7200, 0.036, 1.5e6, "one-way")])]), uplot);
    expect(text.length).toBeLessThan(500_000);
    const told = /(\d+) of 200000 readings are drawn: in each of 1000 columns/.exec(text);
    expect(Number(told?.[1])).toBeLessThan(6000);
    const [panel] = panelsOf(text);
    const numbers = ["used", "rejected", "stale"].map((name) =>
      panel[name].filter((one: unknown) => one !== null),
    );
    expect(numbers.flat()).toHaveLength(Number(told?.[1]));
  });
});
