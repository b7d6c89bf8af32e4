import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alignCapture } from "../../src/index.ts";
import { tagalign } from "./process.ts";

const fixture = resolve(import.meta.dirname, "../../fixtures/gas-round");
const root = mkdtempSync(join(tmpdir(), "export-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const episodes = `
episodes:
  by: sop_step
  min: 6s
  task: "Step {sop_step}"
  context: { material_definition_id: chemical }
  robot: helmet-camera
`;

/** A copy of the shipped capture, aligned; what is appended to its manifest is changed by the tests. */
async function aligned(name: string, manifest = episodes): Promise<{ capture: string; result: string }> {
  const capture = join(root, name);
  cpSync(fixture, capture, { recursive: true });
  const text = readFileSync(join(capture, "manifest.yaml"), "utf8");
  writeFileSync(join(capture, "manifest.yaml"), text + manifest);
  const result = join(root, `${name}-aligned`);
  await alignCapture(capture, { out: result });
  return { capture, result };
}

let shared: { capture: string; result: string };
beforeAll(async () => {
  shared = await aligned("shared");
});

let number = 0;
const fresh = () => join(root, `out-${(number += 1)}`);

describe("export", () => {
  it("says what it wrote and what it left out", async () => {
    const out = fresh();
    const { status, stdout, stderr } = await tagalign([
      "export",
      shared.result,
      "--format",
      "lerobot",
      "--out",
      out,
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^gas_round_2026_05_04: lerobot 3\.0, \d+ episodes, \d+ frames at 30 Hz, \d+ tasks$/m,
    );
    expect(stdout).toMatch(/\d+ frames +in episodes that are too short/);
    const report = JSON.parse(readFileSync(join(out, "export.json"), "utf8"));
    const left = report.left_out.reduce((sum: number, one: { frames: number }) => sum + one.frames, 0);
    expect(report.frames + left).toBe(1440);
    const doctor = await tagalign(["doctor", out, "--json", "--fail-on", "warn"]);
    expect(JSON.parse(doctor.stdout)).toMatchObject({
      level: "PASS",
      episodes: report.episodes,
      frames: report.frames,
    });
    expect(doctor.status).toBe(0);
  });

  it("tells a program the same as export.json", async () => {
    const out = fresh();
    const { stdout } = await tagalign(["export", shared.result, "--format", "arrow", "--out", out, "--json"]);
    const { kept, ...report } = JSON.parse(stdout);
    expect(kept).toBe(false);
    expect(report).toEqual(JSON.parse(readFileSync(join(out, "export.json"), "utf8")));
  });

  it("makes one data set of several results", async () => {
    const second = await aligned("second", episodes.replace("Step", "Work step"));
    const out = fresh();
    const { status } = await tagalign([
      ...["export", shared.result, second.result, "--format", "lerobot", "--out", out, "--quiet"],
    ]);
    expect(status).toBe(0);
    const report = JSON.parse(readFileSync(join(out, "export.json"), "utf8"));
    expect(report.captures).toHaveLength(1);
    expect(report.captures[0].tables).toHaveLength(2);
    expect(report.captures[0].frames).toBe(report.frames);
    expect((await tagalign(["doctor", out])).status).toBe(0);
  });

  it("cuts anew by a manifest that has changed since, and says so", async () => {
    const { capture, result } = await aligned("recut");
    const path = join(capture, "manifest.yaml");
    writeFileSync(path, readFileSync(path, "utf8").replace("by: sop_step", "by: production_order"));
    const { status, stdout } = await tagalign(["export", result, "--format", "arrow", "--out", fresh()]);
    expect(status).toBe(0);
    expect(stdout).toContain("warning[MANIFEST_CHANGED]");
  });

  it("takes the table alone with --manifest, and warns that nothing proves the video", async () => {
    const table = join(shared.result, "aligned.parquet");
    const args = ["export", table, "--manifest", shared.capture, "--format", "arrow", "--out", fresh()];
    const { status, stdout } = await tagalign(args);
    expect(status).toBe(0);
    expect(stdout).toContain("warning[VIDEO_NOT_PROVEN]");
  });

  it("keeps a complete data set with --resume, replaces it with --overwrite", async () => {
    const out = fresh();
    const args = ["export", shared.result, "--format", "arrow", "--out", out];
    expect((await tagalign(args)).status).toBe(0);
    const before = readFileSync(join(out, "export.json"), "utf8");
    const again = await tagalign(args);
    expect({ status: again.status, error: again.stderr.split("\n")[0] }).toEqual({
      status: 7,
      error: `error[OUTPUT_EXISTS]: ${out} already holds a data set (export.json)`,
    });
    expect((await tagalign([...args, "--resume"])).stdout).toContain("complete already, kept as it is");
    expect((await tagalign([...args, "--overwrite"])).status).toBe(0);
    expect(readFileSync(join(out, "export.json"), "utf8")).toBe(before);
  });

  it("leaves nothing, or what --resume goes on from, when it is interrupted", async () => {
    const out = fresh();
    const staging = join(root, `.${out.slice(root.length + 1)}.tagalign`);
    const args = ["export", shared.result, "--format", "lerobot", "--out", out];
    const { status, stderr } = await tagalign(args, {
      signal: { name: "SIGINT", afterMs: 0, when: () => existsSync(staging) },
    });
    expect(status).toBe(130);
    expect(stderr).toContain("error[INTERRUPTED]");
    expect(existsSync(staging)).toBe(!stderr.includes("nothing was written"));
    expect((await tagalign([...args, "--resume"])).status).toBe(0);
    expect(existsSync(staging)).toBe(false);
  });
});

describe("export refuses", () => {
  const refused = async (args: readonly string[], options: { env?: Record<string, string> } = {}) => {
    const out = fresh();
    const { status, stdout, stderr } = await tagalign(["export", ...args, "--out", out], options);
    expect(stdout).toBe("");
    expect(() => readdirSync(out)).toThrow();
    expect(readdirSync(root).filter((name) => name.startsWith(`.${out.slice(root.length + 1)}`))).toEqual([]);
    return { status, told: stderr };
  };

  it("a result that is not there", async () => {
    const { status, told } = await refused([join(root, "nowhere"), "--format", "lerobot"]);
    expect(status).toBe(2);
    expect(told).toMatch(
      /^error\[USAGE_ALIGNED\]: there is no .*nowhere\n {2}at: .*\n {2}hint: name the --out/,
    );
  });

  it("a folder that holds no result", async () => {
    mkdirSync(join(root, "empty"));
    const { status, told } = await refused([join(root, "empty"), "--format", "lerobot"]);
    expect({ status, code: told.slice(0, 26) }).toEqual({ status: 4, code: "error[SOURCE_NOT_ALIGNED]:" });
  });

  it("a format that it does not know, with those that it does", async () => {
    const { status, told } = await refused([shared.result, "--format", "lerobots"]);
    expect(status).toBe(2);
    expect(told).toContain("lerobot, rlds, mcap, hdf5, parquet, arrow");
  });

  it("a mode, version or layout that the format does not have", async () => {
    for (const [flags, hint] of [
      [["--format", "lerobot", "--video", "copy"], "it has retime, resample"],
      [["--format", "lerobot", "--version", "4.0"], "it has 3.0, 2.1"],
      [["--format", "mcap", "--layout", "aloha"], "leave --layout out"],
      [["--format", "rlds", "--video", "copy", "--image-size", "64x64"], "add --video images"],
    ] as const) {
      const { status, told } = await refused([shared.result, ...flags]);
      expect(status).toBe(2);
      expect(told).toContain(hint);
    }
  });

  it("a video that is not the one that was aligned", async () => {
    const { capture, result } = await aligned("changed-video");
    writeFileSync(join(capture, "headcam.mp4"), "another", { flag: "a" });
    const { status, told } = await refused([result, "--format", "lerobot"]);
    expect({ status, first: told.split("\n")[0] }).toEqual({
      status: 4,
      first: "error[SOURCE_CHANGED]: headcam.mp4 is not the file that was aligned",
    });
  });

  it("a table that is not as it was written", async () => {
    const { result } = await aligned("changed-table");
    writeFileSync(join(result, "aligned.parquet"), readFileSync(join(result, "aligned.arrow")));
    const { status, told } = await refused([result, "--format", "lerobot"]);
    expect(status).toBe(4);
    expect(told).toContain("error[SOURCE_CHANGED]");
  });

  it("a manifest of another capture, and one whose tags the table does not have", async () => {
    const { capture } = await aligned("other");
    const path = join(capture, "manifest.yaml");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace("refinery-3/gas-round", "refinery-4/gas-round"));
    const other = await refused([shared.result, "--manifest", path, "--format", "arrow"]);
    expect({ status: other.status, code: other.told.slice(0, 22) }).toEqual({
      status: 2,
      code: "error[USAGE_MANIFEST]:",
    });
    writeFileSync(path, text.replace("  lot:  ", "  batch:"));
    const tags = await refused([shared.result, "--manifest", path, "--format", "arrow"]);
    expect(tags.told).toContain("the table has no column for tag batch of the manifest");
  });

  it("pictures without ffmpeg, with the way out", async () => {
    const env = { FFMPEG_PATH: join(root, "no-ffmpeg") };
    const { status, told } = await refused([shared.result, "--format", "lerobot", "--video", "resample"], {
      env,
    });
    expect(status).toBe(2);
    expect(told).toContain("error[USAGE_FFMPEG]");
    expect(told).toMatch(/hint: .*ffmpeg/);
  });

  it("an output that is a file, or a folder of other things", async () => {
    const file = join(root, "a-file");
    writeFileSync(file, "");
    const first = await tagalign(["export", shared.result, "--format", "arrow", "--out", file]);
    expect({ status: first.status, code: first.stderr.slice(0, 24) }).toEqual({
      status: 7,
      code: "error[OUTPUT_DIRECTORY]:",
    });
    const second = await tagalign([
      "export",
      shared.result,
      "--format",
      "arrow",
      "--out",
      shared.capture,
      "--overwrite",
    ]);
    expect(second.status).toBe(7);
    expect(second.stderr).toContain("holds files that are not a data set");
  });
});

describe("data sets among a manifest's outputs", () => {
  const outputs = (more: string) => `${episodes}${more}`;
  const text = () => readFileSync(join(fixture, "manifest.yaml"), "utf8");

  it("are published with the tables, or not at all", async () => {
    const capture = join(root, "outputs");
    cpSync(fixture, capture, { recursive: true });
    const sets =
      "\n  - { kind: lerobot, path: sets/lerobot }\n  - { kind: mcap, path: sets/mcap, name: rounds }\n";
    writeFileSync(join(capture, "manifest.yaml"), text().trimEnd() + sets + outputs(""));
    const out = fresh();
    const { status, stderr } = await tagalign(["align", capture, "--out", out]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    expect(report.outputs.map(({ kind }: { kind: string }) => kind)).toEqual([
      "parquet",
      "arrow",
      "lerobot",
      "mcap",
    ]);
    for (const set of ["sets/lerobot", "sets/mcap"])
      expect((await tagalign(["doctor", join(out, set), "--fail-on", "warn"])).status, set).toBe(0);
    const exported = fresh();
    await tagalign(["export", out, "--format", "lerobot", "--out", exported]);
    expect(readFileSync(join(exported, "meta/stats.json"))).toEqual(
      readFileSync(join(out, "sets/lerobot/meta/stats.json")),
    );

    expect((await tagalign(["align", capture, "--out", out])).status).toBe(7);
    expect((await tagalign(["align", capture, "--out", out, "--resume"])).stdout).toContain("kept as it is");
    expect((await tagalign(["align", capture, "--out", out, "--overwrite"])).status).toBe(0);
    writeFileSync(join(out, "sets/lerobot/meta/stats.json"), "{}");
    expect((await tagalign(["align", capture, "--out", out, "--resume"])).status).toBe(7);
  });

  it("need no table beside them", async () => {
    const capture = join(root, "alone");
    cpSync(fixture, capture, { recursive: true });
    const [before] = text().split("outputs:") as [string];
    writeFileSync(
      join(capture, "manifest.yaml"),
      `${before}outputs: [{ kind: arrow, path: a.arrow }]\n${episodes}`,
    );
    const only = readFileSync(join(capture, "manifest.yaml"), "utf8").replace(
      "{ kind: arrow, path: a.arrow }",
      "{ kind: lerobot, path: dataset/ }",
    );
    writeFileSync(join(capture, "manifest.yaml"), only);
    const out = fresh();
    expect((await tagalign(["align", capture, "--out", out])).status).toBe(0);
    expect(readdirSync(out).sort()).toEqual(["dataset", "report.json"]);
    expect((await tagalign(["doctor", join(out, "dataset")])).status).toBe(0);
  });
});
