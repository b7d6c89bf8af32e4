import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as source from "../src/index.ts";

const root = resolve(import.meta.dirname, "..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

describe("package.json", () => {
  it("pins every dependency to one version", () => {
    const versions = Object.entries({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    });
    for (const [name, version] of versions) expect(version, name).toMatch(/^\d+\.\d+\.\d+(-r\.\d+)?$/);
  });

  it("asks for few packages at run time, each of them in use", () => {
    const names = Object.keys(manifest.dependencies).sort();
    expect(names).toEqual([
      "@assemblyscript/loader",
      "@duckdb/node-api",
      "@foxglove/wasm-zstd",
      "@mcap/core",
      "apache-arrow",
      "commander",
      "ffprobe-static",
      "hyparquet",
      "hyparquet-writer",
      "mediabunny",
      "parquet-wasm",
      "piscina",
      "tinybench",
      // Draws the page of clocks: inlined there, so that it opens without a network.
      "uplot",
      "yaml",
      "zod",
    ]);
  });

  it("names files that exist after a build", () => {
    for (const path of [manifest.bin.tagalign, manifest.exports["."].types, manifest.exports["."].default]) {
      expect(existsSync(join(root, path)), path).toBe(true);
    }
    expect(statSync(join(root, "build/kernels.wasm")).size).toBeLessThan(32_768);
  });
});

describe("the built package", () => {
  it("exports the names of the library, and no others", async () => {
    const built = await import(join(root, manifest.exports["."].default));
    expect(Object.keys(built).sort()).toEqual(Object.keys(source).sort());
    expect(Object.keys(built).sort()).toEqual([
      "AlignError",
      "ClockMap",
      "ClockTracker",
      "alignCapture",
      "alignFrames",
      "asofJoin",
      "checkCapture",
      "compareBenchmarks",
      "contextVocabulary",
      "createEngine",
      "datasetFormatNames",
      "episodeSchema",
      "estimateClockMap",
      "examineDataset",
      "exportEpisodes",
      "inspectClocks",
      "inspectFile",
      "interpolate",
      "manifestSchema",
      "mendDataset",
      "parseManifest",
      "procedureSchema",
      "readManifest",
      "reportJson",
      "runBenchmarks",
      "trackClock",
      "version",
    ]);
  });

  it("packs the code, the kernels and the papers, and nothing else", () => {
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
    const paths: string[] = packed.files.map((file: { path: string }) => file.path);
    expect(paths).toContain("build/kernels.wasm");
    expect(paths).toContain("dist/cli/main.js");
    for (const path of paths)
      expect(path).toMatch(
        /^(dist\/.+\.(js|d\.ts|js\.map)|build\/kernels\.wasm|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
      );
  });
});

describe("the kernels' build", () => {
  const folder = mkdtempSync(join(tmpdir(), "kernels-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("gives the same bytes each time", () => {
    const again = join(folder, "kernels.wasm");
    execFileSync(
      process.execPath,
      [
        join(root, "node_modules/assemblyscript/bin/asc.js"),
        "assembly/index.ts",
        "--target",
        "release",
        "--outFile",
        again,
        "--textFile",
        join(folder, "kernels.wat"),
      ],
      { cwd: root },
    );
    const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
    expect(hash(again)).toBe(hash(join(root, "build/kernels.wasm")));
  });
});
