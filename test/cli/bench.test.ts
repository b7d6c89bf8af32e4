import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tagalign } from "./process.ts";

const dir = mkdtempSync(join(tmpdir(), "tagalign-bench-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

describe("tagalign bench", () => {
  it("tells times and ratios, or one JSON document that a later run is held against", async () => {
    const text = await tagalign(["bench", "w3s", "--size", "small"]);
    expect(text).toMatchObject({ status: 0, stderr: "" });
    expect(text.stdout).toMatch(/^W3s backward, plain: 5003 frames, 1 tag at 30 Hz/);
    expect(text.stdout).toMatch(/ {2}plain loop +[\d.]+ ms .* times ours\n/);

    const json = await tagalign(["bench", "W3s", "--size", "small", "--json"]);
    const report = JSON.parse(json.stdout);
    expect(report.cells).toHaveLength(6);
    for (const cell of report.cells)
      for (const { ratio } of cell.rivals) for (const key of Object.keys(ratio)) ratio[key] *= 1e6;
    const baseline = join(dir, "baseline.json");
    writeFileSync(baseline, JSON.stringify(report));
    const compared = await tagalign(["bench", "W3s", "--size", "small", "--compare", baseline]);
    expect(compared.status).toBe(6);
    expect(compared.stdout).toMatch(/\nslower:\n {2}W3s backward, plain, 1 thread: copy: /);
  });

  it.each([
    [["bench", "W9"], "USAGE_WORKLOAD"],
    [["bench", "--compare", join(dir, "none.json")], "USAGE_BASELINE"],
    [["bench", "--size", "huge"], "USAGE_ARGUMENTS"],
  ])("%j is wrong usage", async (args, code) => {
    const done = await tagalign(args);
    expect(done.status).toBe(2);
    expect(done.stderr).toContain(`error[${code}]`);
  });
});
