import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tagalign } from "./process.ts";

/**
 * Each block of mistakes.txt: what one does, and what is told to the letter. A line that begins with
 * `-` is taken from the manifest, or from the file that `in` names, and the lines with `+` are put in its place;
 * `cut FILE BYTES` and `copy FROM TO` change whole files; `with` gives other arguments.
 */
const blocks = readFileSync(new URL("mistakes.txt", import.meta.url), "utf8")
  .split("\n\n")
  .map((block) => block.trimEnd().split("\n"))
  .filter(([title]) => title?.startsWith("one "));

const root = mkdtempSync(join(tmpdir(), "mistakes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of the capture with a result in `taken` and a folder in the way in `folder`. */
function freshCapture(): string {
  const dir = mkdtempSync(join(root, "case-"));
  cpSync(join(import.meta.dirname, "capture"), dir, { recursive: true });
  for (const folder of ["taken", "folder/aligned.parquet"]) mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, "taken/report.json"), "{}");
  return dir;
}

/** Makes the mistake; returns the arguments after `align .`. */
function make(dir: string, steps: readonly string[]): string[] {
  let file = "manifest.yaml";
  let args = ["--out", "out"];
  for (let at = 0; at < steps.length; at++) {
    const [word, ...rest] = (steps[at] ?? "").split(" ");
    if (word === "in") file = rest[0] ?? "";
    else if (word === "with") args = rest;
    else if (word === "cut") truncateSync(join(dir, rest[0] ?? ""), Number(rest[1]));
    else if (word === "copy")
      cpSync(join(import.meta.dirname, "capture", rest[0] ?? ""), join(dir, rest[1] ?? ""));
    else if (word === "-") {
      const next = (mark: string) => {
        const lines: string[] = [];
        for (; steps[at]?.startsWith(mark) === true; at++) lines.push((steps[at] ?? "").slice(2));
        return lines.join("\n");
      };
      const [taken, put] = [next("-"), next("+")];
      at -= 1;
      const text = readFileSync(join(dir, file), "utf8");
      expect(text).toContain(taken);
      writeFileSync(
        join(dir, file),
        text.replace(taken, () => put),
      );
      file = "manifest.yaml";
    } else throw new Error(`mistakes.txt: ${steps[at]}`);
  }
  return args;
}

describe("align stops, and says so to the letter, when", () => {
  it.concurrent.each(blocks.map((block) => [block[0]!, block]))("%s", async (_, block) => {
    const end = block.findIndex((line) => line.startsWith("exit "));
    const dir = freshCapture();
    const args = make(dir, block.slice(1, end));
    const before = readdirSync(dir, { recursive: true });
    const { status, stdout, stderr } = await tagalign(["align", ".", ...args], { cwd: dir });
    expect(`exit ${status}\n${stderr}`).toBe(`${block.slice(end).join("\n")}\n`);
    expect(stdout).toBe("");
    expect(readdirSync(dir, { recursive: true })).toEqual(before);
  });

  it("covers every mistake in the list", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(40);
  });
});
