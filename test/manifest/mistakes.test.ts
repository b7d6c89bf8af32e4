import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/index.ts";
import { refinery } from "./refinery.ts";

/** Each block of mistakes.txt: what one does, the lines taken away (-) and put in (+), and the error to the letter. */
const blocks = readFileSync(new URL("mistakes.txt", import.meta.url), "utf8")
  .split("\n\n")
  .map((block) => block.trimEnd().split("\n"))
  .filter(([title]) => title?.startsWith("one "));

function told(text: string): string {
  try {
    parseManifest(text, { base: ".", path: "capture.yaml" });
  } catch (error) {
    if (!(error instanceof AlignError)) throw error;
    const { file, line, column } = error.where ?? {};
    expect(file).toBe("capture.yaml");
    expect(error.exitCode).toBe(3);
    return `error[${error.code}]: ${error.message}\nat: ${line}:${column}\nhint: ${error.hint}`;
  }
  return "accepted";
}

describe("a manifest is refused, and told so to the letter, when", () => {
  it.each(blocks.map((block) => [block[0]!, block]))("%s", (_, block) => {
    const lines = (mark: string) =>
      block
        .filter((line) => line.startsWith(`${mark} `))
        .map((line) => line.slice(2))
        .join("\n");
    expect(refinery).toContain(lines("-"));
    const text = refinery.replace(lines("-"), () => lines("+"));
    expect(told(text)).toBe(block.slice(-3).join("\n"));
  });

  it("covers every mistake in the list", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(80);
  });

  it("several things are wrong: the first in the text is told, and the others are counted", () => {
    const text = refinery
      .replace("frames: head", "frames: haed")
      .replace("source: dcs", "source: dsc")
      .replace("plant: {}", "plnt: {}");
    expect(told(text)).toBe(
      'error[MANIFEST_UNKNOWN_CLOCK]: reference_clock names the clock "plant", which is not declared (and 7 more)\n' +
        'at: 4:18\nhint: did you mean "plnt"?',
    );
  });
});
