import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { datasetFormat, datasetFormatNames } from "../../src/datasets/index.ts";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/export.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "docs-export-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/export.md", () => {
  it("has commands that run as they stand", () => {
    symlinkSync(join(root, "fixtures"), join(folder, "fixtures"));
    const block = /^```sh\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? "";
    const commands = block.trim().split("\n");
    expect(commands).toHaveLength(3);
    const outputs = commands.map((command) => {
      const [runner, name, ...args] = command.split(" ");
      expect([runner, name]).toEqual(["npx", "tagalign"]);
      return execFileSync(process.execPath, [join(root, "dist/cli/main.js"), ...args], {
        cwd: folder,
        encoding: "utf8",
      });
    });
    expect(outputs[2]).toMatch(/^PASS: \d+ passed, 0 warnings, 0 failed$/m);
  });

  it("names every format with its modes, the default first, its versions and layouts", async () => {
    for (const name of datasetFormatNames) {
      const { videoModes, versions = [], layouts = [] } = await datasetFormat(name);
      const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${name}\``)) ?? "";
      const modes = [...(row.split("|")[3] ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1]);
      expect(modes, name).toEqual([...videoModes]);
      for (const word of [...versions.slice(1), ...layouts]) expect(row, name).toContain(word);
    }
  });
});
