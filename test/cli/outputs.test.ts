import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tagalign } from "./process.ts";

const root = mkdtempSync(join(tmpdir(), "outputs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const table = "aligned.parquet";
const result = [table, "report.json"];

/** A copy of the capture, from where the command is then run. */
function freshCapture(): string {
  const dir = mkdtempSync(join(root, "case-"));
  cpSync(join(import.meta.dirname, "capture"), dir, { recursive: true });
  return dir;
}

async function align(dir: string, ...args: string[]) {
  return tagalign(["align", ".", ...args], { cwd: dir });
}

/** Every file below a directory with its bytes and its time of change. */
function stateOf(dir: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir, { recursive: true, encoding: "utf8" })
      .sort()
      .map((file) => {
        const path = join(dir, file);
        const { mtimeNs, ino } = statSync(path, { bigint: true });
        return [
          file,
          statSync(path).isDirectory() ? "" : `${ino} ${mtimeNs} ${readFileSync(path, "base64")}`,
        ];
      }),
  );
}

describe("align publishes", () => {
  it("the table and the report together, and says where", async () => {
    const dir = freshCapture();
    const { status, stdout, stderr } = await align(dir, "--out", "deep/er/out/");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(readdirSync(join(dir, "deep/er/out")).sort()).toEqual(result);
    expect(readdirSync(join(dir, "deep/er"))).toEqual(["out"]);
    expect(stdout).toContain("  deep/er/out/aligned.parquet  40 rows, parquet\n  deep/er/out/report.json\n");
    const report = JSON.parse(readFileSync(join(dir, "deep/er/out/report.json"), "utf8"));
    expect(report.frames).toEqual({
      count: 40,
      first: "2026-05-04T07:12:30.000500000Z",
      last: "2026-05-04T07:12:39.750500000Z",
      rate_hz: 4,
    });
  });

  it("nothing in a dry run, with or without --out", async () => {
    const dir = freshCapture();
    const before = stateOf(dir);
    for (const args of [["--dry-run"], ["--dry-run", "--out", "out"]]) {
      const { status, stdout } = await align(dir, ...args);
      expect(status).toBe(0);
      expect(stdout).toMatch(/\ndry run: nothing was written\n$/);
      expect(stateOf(dir)).toEqual(before);
    }
  });

  it("only the rows of a range, numbered as in the whole capture", async () => {
    const dir = freshCapture();
    const range = ["--from", "2026-05-04T09:12:31+02:00", "--to", "2026-05-04T07:12:33Z"];
    const { status, stdout } = await align(dir, "--out", "out", "--json", ...range);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      range: { from: "2026-05-04T07:12:31.000000000Z", to: "2026-05-04T07:12:33.000000000Z" },
      frames: { count: 8, first: "2026-05-04T07:12:31.000500000Z" },
    });
  });

  it("the same bytes with any number of workers", async () => {
    const dir = freshCapture();
    const done = await Promise.all(
      ["1", "2", "7"].map((workers) => align(dir, "--out", `out-${workers}`, "--workers", workers)),
    );
    expect(done.map(({ status }) => status)).toEqual([0, 0, 0]);
    const tables = ["1", "2", "7"].map((workers) => readFileSync(join(dir, `out-${workers}`, table)));
    expect(tables[1]).toEqual(tables[0]);
    expect(tables[2]).toEqual(tables[0]);
  });

  it("beside files that are not its own", async () => {
    const dir = freshCapture();
    mkdirSync(join(dir, "out"));
    writeFileSync(join(dir, "out/notes.txt"), "mine");
    expect((await align(dir, "--out", "out")).status).toBe(0);
    expect(readdirSync(join(dir, "out")).sort()).toEqual([table, "notes.txt", "report.json"]);
    expect(readFileSync(join(dir, "out/notes.txt"), "utf8")).toBe("mine");
  });
});

describe("a directory that holds a result", () => {
  it("is refused, kept by --resume, and replaced by --overwrite", async () => {
    const dir = freshCapture();
    expect((await align(dir, "--out", "out", "-q")).status).toBe(0);
    const before = stateOf(join(dir, "out"));

    const refused = await align(dir, "--out", "out");
    expect(refused.status).toBe(7);
    expect(refused.stderr).toContain("error[OUTPUT_EXISTS]: out already holds a result");
    expect(stateOf(join(dir, "out"))).toEqual(before);

    const kept = await align(dir, "--out", "out", "--resume");
    expect(kept.status).toBe(0);
    expect(kept.stdout).toContain("\ncomplete already, kept as it is\n");
    expect(stateOf(join(dir, "out"))).toEqual(before);

    writeFileSync(join(dir, "out/notes.txt"), "mine");
    const replaced = await align(dir, "--out", "out", "--overwrite", "-q");
    expect(replaced.status).toBe(0);
    const after = stateOf(join(dir, "out"));
    expect(Object.keys(after)).toEqual([table, "notes.txt", "report.json"]);
    expect(after[table]).not.toBe(before[table]);
    expect(after[table]?.split(" ")[2]).toBe(before[table]?.split(" ")[2]);
  });

  it("is made by --resume where there is none", async () => {
    const dir = freshCapture();
    expect((await align(dir, "--out", "out", "--resume", "-q")).status).toBe(0);
    expect(readdirSync(join(dir, "out")).sort()).toEqual(result);
  });

  const changes: [what: string, change: (dir: string) => string[], why: string][] = [
    ["an input has changed", (dir) => edit(dir, "dcs-1.csv", ",1\n", ",0\n"), "dcs-1.csv has changed since"],
    [
      "a file of a query has changed",
      (dir) => edit(dir, "alarms.jsonl", "LAH", "LAL"),
      "alarms.jsonl has changed since",
    ],
    ["the marks have changed", (dir) => edit(dir, "marks.csv", "3ms", "4ms"), "marks.csv has changed since"],
    [
      "the manifest has changed",
      (dir) => edit(dir, "manifest.yaml", "2s }", "3s }"),
      "the manifest has changed since",
    ],
    ["another range is asked for", () => ["--from", "2026-05-04T07:12:33Z"], "it has another --from or --to"],
    [
      "the table was tampered with",
      (dir) => edit(dir, "out/aligned.parquet", "PAR1", "PAR2"),
      "aligned.parquet is not as it was written",
    ],
    [
      "the report cannot be read",
      (dir) => edit(dir, "out/report.json", "{", "["),
      "report.json is not a report",
    ],
    [
      "a part has come to a glob",
      (dir) => {
        cpSync(join(dir, "dcs-2.csv"), join(dir, "dcs-3.csv"));
        return [];
      },
      "dcs-3.csv has changed since",
    ],
  ];
  it.each(changes)("is refused by --resume when %s", async (_, change, why) => {
    const dir = freshCapture();
    expect((await align(dir, "--out", "out", "-q")).status).toBe(0);
    const more = change(dir);
    const before = stateOf(join(dir, "out"));
    const { status, stdout, stderr } = await align(dir, "--out", "out", "--resume", ...more);
    expect({ status, stdout }).toEqual({ status: 7, stdout: "" });
    expect(stderr).toBe(
      `error[OUTPUT_OTHER_RESULT]: out holds a result of another job: ${why}\n  at: out\n` +
        "  hint: --overwrite replaces it; or choose another --out\n",
    );
    expect(stateOf(join(dir, "out"))).toEqual(before);
  });

  it("stays as it was when the job that would replace it fails", async () => {
    const dir = freshCapture();
    expect((await align(dir, "--out", "out", "-q")).status).toBe(0);
    const before = stateOf(join(dir, "out"));
    edit(dir, "manifest.yaml", "coverage: 0.5", "coverage: 1");
    const { status, stderr } = await align(dir, "--out", "out", "--overwrite");
    expect(status).toBe(6);
    expect(stderr).toContain(
      "error[REQUIREMENT_COVERAGE]: a tag has fewer values than require.coverage 1: ph 0.9500\n",
    );
    expect(stateOf(join(dir, "out"))).toEqual(before);
    expect(readdirSync(dir).filter((file) => file.startsWith("."))).toEqual([]);
  });
});

describe("an output that cannot be written, exit status 7:", () => {
  it("a file where the directory should be", async () => {
    const dir = freshCapture();
    const { status, stderr } = await align(dir, "--out", "head.csv");
    expect({ status, stderr }).toEqual({
      status: 7,
      stderr:
        "error[OUTPUT_DIRECTORY]: head.csv is not a directory\n  at: head.csv\n  hint: name a directory with --out\n",
    });
  });

  it("a file on the way to it", async () => {
    const { status, stderr } = await align(freshCapture(), "--out", "head.csv/out");
    expect(status).toBe(7);
    expect(stderr).toMatch(
      /^error\[OUTPUT_WRITE\]: head\.csv\/out cannot be written \(ENOTDIR at head\.csv\/out\)\n/,
    );
  });

  it.skipIf(process.platform !== "linux")("a place where nobody can write", async () => {
    const { status, stderr } = await align(freshCapture(), "--out", "/proc/tagalign");
    expect({ status, stderr }).toEqual({
      status: 7,
      stderr:
        "error[OUTPUT_WRITE]: /proc/tagalign cannot be written (ENOENT)\n  at: /proc/tagalign\n" +
        "  hint: choose an --out that this user may write\n",
    });
  });

  it.skipIf(process.getuid?.() === 0)("a directory without the right to write", async () => {
    const dir = freshCapture();
    mkdirSync(join(dir, "locked"));
    chmodSync(join(dir, "locked"), 0o555);
    const { status } = await align(dir, "--out", "locked/out");
    expect(status).toBe(7);
    expect(readdirSync(join(dir, "locked"))).toEqual([]);
  });

  it("no place for temporary files", async () => {
    const dir = freshCapture();
    const env = { TMPDIR: join(dir, "nowhere") };
    const { status, stderr } = await tagalign(["align", ".", "--out", "out"], { cwd: dir, env });
    expect(status).toBe(7);
    expect(stderr).toBe(
      "error[OUTPUT_TEMPORARY]: no temporary folder can be made in nowhere (ENOENT)\n  at: nowhere\n" +
        "  hint: make room there, or name another place in the environment variable TMPDIR\n",
    );
    expect(existsSync(join(dir, "out"))).toBe(false);
  });
});

function edit(dir: string, file: string, from: string, to: string): string[] {
  const text = readFileSync(join(dir, file), "latin1");
  expect(text).toContain(from);
  writeFileSync(join(dir, file), text.replace(from, to), "latin1");
  return [];
}
