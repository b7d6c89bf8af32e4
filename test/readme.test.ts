import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { manifestSchema, parseManifest } from "../src/index.ts";

const root = resolve(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

const folder = mkdtempSync(join(tmpdir(), "readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("README", () => {
  it("begins with two commands of one line each", () => {
    const [first, second] = blocks("sh");
    expect(first?.trim().split("\n")).toHaveLength(1);
    expect(second?.trim()).toBe("npm ci && npm test");
  });

  it("shows what the first command prints", () => {
    const command = (blocks("sh")[0] ?? "").trim().split(" && ").at(-1) ?? "";
    const [, ...args] = command.replace("out/gas-round", join(folder, "out")).split(" ");
    const printed = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    const shown = (blocks("text")[0] ?? "").trimEnd().split("\n");
    expect(shown.length).toBeGreaterThan(3);
    for (const line of shown) expect(printed.split("\n")).toContain(line);
  });

  it("has a manifest that is one", () => {
    const manifest = parseManifest(blocks("yaml")[0] ?? "", { base: "." });
    expect(manifest.tags.map((tag) => tag.name)).toEqual(["pressure", "valve_open"]);
  });

  it("has code that prints what its comments say", () => {
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(root, join(folder, "node_modules", "tagalign"));
    const code = (blocks("ts")[0] ?? "").replace("fixtures/", `${root}/fixtures/`);
    writeFileSync(join(folder, "example.mjs"), code);
    const printed = execFileSync(process.execPath, ["example.mjs"], { cwd: folder, encoding: "utf8" });
    const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]);
    expect(said.length).toBeGreaterThan(3);
    expect(printed.trim().split("\n")).toEqual(said);
  });
});

describe("docs/manifest.md", () => {
  it("names every key of the schema", () => {
    const page = readFileSync(join(root, "docs/manifest.md"), "utf8");
    const keys = new Set<string>();
    const walk = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      const { properties } = node as { properties?: Record<string, unknown> };
      for (const key of Object.keys(properties ?? {})) keys.add(key);
      for (const inner of Object.values(node)) walk(inner);
    };
    walk(manifestSchema);
    expect(keys.size).toBeGreaterThan(30);
    for (const key of keys) expect(page, key).toMatch(new RegExp(`\\b${key}\\b`));
  });
});
