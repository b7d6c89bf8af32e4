import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/time.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");

const folder = mkdtempSync(join(tmpdir(), "time-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/time.md", () => {
  it("has code for signs, the hard bound and civil time", () => {
    expect(blocks).toHaveLength(3);
  });

  it.each(blocks.map((code, at) => [at, code] as const))(
    "block %d prints what its comments say",
    (at, code) => {
      mkdirSync(join(folder, "node_modules"), { recursive: true });
      if (!existsSync(join(folder, "node_modules", "tagalign")))
        symlinkSync(root, join(folder, "node_modules", "tagalign"));
      writeFileSync(join(folder, `${at}.mjs`), code);
      const printed = execFileSync(process.execPath, [`${at}.mjs`], { cwd: folder, encoding: "utf8" });
      const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]);
      expect(said.length).toBeGreaterThan(0);
      expect(printed.trim().split("\n")).toEqual(said);
    },
  );
});
