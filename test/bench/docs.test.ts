import { describe, expect, it } from "vitest";
import { replacePart } from "../../bench/docs.ts";
import { merge } from "../../bench/merge.ts";
import { plotSvg } from "../../bench/plot.ts";
import { results } from "./results.ts";

const ratio = (median: number) => ({ least: median / 2, median, most: median * 2 });

describe("figures on the page", () => {
  it("replaces the lines between two markers and nothing else", () => {
    const page = "a\n<!-- figures: x -->\nold\n<!-- end -->\nb\n<!-- figures: y -->\nkept\n<!-- end -->\n";
    expect(replacePart(page, "x", ["new", "lines"])).toBe(page.replace("old", "new\nlines"));
    expect(() => replacePart(page, "z", [])).toThrow(/no place for figures: z/);
  });

  it("puts parts of a run together", () => {
    const one = results({ copy: ratio(1) });
    const writers = [{ name: "plain", cpuMs: ratio(2), bytes: 100 }];
    const all = merge("full", [one, { ...one, runs: {} }, { writers }]);
    expect(all.cells).toHaveLength(2);
    expect(all.writers).toEqual(writers);
    expect(all.size).toBe("full");
  });

  it("draws one bar for each rival, of the fastest of its ways", () => {
    const part = results({
      copy: ratio(0.5),
      "Polars joinAsof": ratio(30),
      "polars join_asof (Python)": ratio(20),
    });
    const svg = plotSvg(merge("full", [part]));
    expect(svg.match(/<rect /g)).toHaveLength(2);
    expect(svg).toContain(">20</text>");
    expect(svg).not.toContain(">30</text>");
    expect(svg).toContain("W1 backward");
    const x = (name: string) => Number(new RegExp(`<line class="${name}" x1="([\\d.]+)"`).exec(svg)?.[1]);
    const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map(([, at, width]) => [
      Number(at),
      Number(at) + Number(width),
    ]);
    expect(bars[0]?.[1]).toBeCloseTo(x("one"), 0);
    expect(bars[1]?.[0]).toBeCloseTo(x("one"), 0);
  });
});
