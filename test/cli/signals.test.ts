import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tagalign } from "./process.ts";

const root = mkdtempSync(join(tmpdir(), "signals-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The capture with a query that takes hours, and a place of its own for temporary files. */
function slowCapture(): { dir: string; scratch: string } {
  const dir = mkdtempSync(join(root, "case-"));
  cpSync(join(import.meta.dirname, "capture"), dir, { recursive: true });
  const manifest = readFileSync(join(dir, "manifest.yaml"), "utf8");
  const slow = "select max(range * 7 % 1000003)::text as name, now() as raised from range(1000000000000)";
  writeFileSync(join(dir, "manifest.yaml"), manifest.replace(/select raised[^"]*/, slow));
  return { dir, scratch: mkdtempSync(join(root, "scratch-")) };
}

const message = "error[INTERRUPTED]: interrupted; nothing was written\n";

describe("a job that is interrupted in a query stops at once, says so, and leaves nothing", () => {
  const cases: [verb: string, name: NodeJS.Signals][] = [
    ["align", "SIGINT"],
    ["align", "SIGTERM"],
    ["align", "SIGHUP"],
    ["check", "SIGINT"],
    ["check", "SIGTERM"],
  ];
  it.each(cases)("%s by %s", async (verb, name) => {
    const { dir, scratch } = slowCapture();
    const before = readdirSync(dir);
    const args = [verb, ".", ...(verb === "align" ? ["--out", "deep/out"] : [])];
    const env = { TMPDIR: scratch };
    const signal = { name, afterMs: 1_000, when: () => readdirSync(scratch).length > 0 };
    const done = await tagalign(args, { cwd: dir, env, signal });
    expect(done).toMatchObject({ status: 130, killedBy: null, stdout: "", stderr: message });
    expect(done.stoppingMs).toBeLessThan(20_000);
    expect(readdirSync(dir)).toEqual(before);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("as JSON too", async () => {
    const { dir, scratch } = slowCapture();
    const when = () => readdirSync(scratch).length > 0;
    const signal = { name: "SIGINT", afterMs: 500, when } as const;
    const { status, stdout, stderr } = await tagalign(["check", ".", "--json"], {
      cwd: dir,
      env: { TMPDIR: scratch },
      signal,
    });
    expect({ status, stderr }).toEqual({ status: 130, stderr: "" });
    expect(JSON.parse(stdout).error.code).toBe("INTERRUPTED");
  });
});

describe("a job that is interrupted at any moment", () => {
  it.each([150, 300, 450, 600, 750, 900, 1_200, 1_500])(
    "after %i ms publishes all or nothing",
    async (afterMs) => {
      const { dir, scratch } = slowCapture();
      cpSync(join(import.meta.dirname, "capture/manifest.yaml"), join(dir, "manifest.yaml"));
      const { status, killedBy, stderr } = await tagalign(["align", ".", "--out", "out"], {
        cwd: dir,
        env: { TMPDIR: scratch },
        signal: { name: "SIGINT", afterMs },
      });
      const out = readdirSync(dir).includes("out") ? readdirSync(join(dir, "out")).sort() : [];
      const isThere = out.length > 0;
      if (isThere) expect(out).toEqual(["aligned.parquet", "report.json"]);
      // Before the program has begun and while the process ends, a signal ends it as it does any other.
      if (killedBy !== null) expect(killedBy).toBe("SIGINT");
      else if (isThere) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      else expect({ status, stderr }).toEqual({ status: 130, stderr: message });
      expect(readdirSync(dir).filter((file) => file.startsWith("."))).toEqual([]);
      expect(readdirSync(scratch)).toEqual([]);
    },
  );
});
