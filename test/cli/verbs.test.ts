import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { main, tagalign } from "./process.ts";

const capture = join(import.meta.dirname, "capture");
const root = mkdtempSync(join(tmpdir(), "verbs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const verbs = ["align", "check", "inspect"];
const subject = (verb: string) => (verb === "inspect" ? join(capture, "historian.csv") : capture);
const argumentsOf = (verb: string) => [verb, subject(verb), ...(verb === "align" ? ["--dry-run"] : [])];

describe("help and version", () => {
  it.each([["-h"], ["--help"], ["help"]])("%s prints the verbs on stdout", async (flag) => {
    const { status, stdout, stderr } = await tagalign([flag]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const verb of verbs) expect(stdout).toMatch(new RegExp(`^  ${verb} `, "m"));
  });

  it.each(verbs)("%s -h names its options", async (verb) => {
    const { status, stdout, stderr } = await tagalign([verb, "-h"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: tagalign ${verb} `));
    for (const flag of ["--json", "-q, --quiet", "--ffprobe <path>"]) expect(stdout).toContain(flag);
    const own = ["--out", "--from", "--to", "--workers", "--dry-run", "--overwrite", "--resume"];
    for (const flag of own) expect(stdout.includes(flag), flag).toBe(verb === "align");
  });

  it.each([["-V"], ["--version"], ["check", "-V"]])("%s %s prints the version", async (...flags) => {
    const { status, stdout, stderr } = await tagalign(flags.filter((flag) => flag !== undefined));
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${packageJson.version}\n`, stderr: "" });
  });

  it("without arguments prints the usage on stderr", async () => {
    const { status, stdout, stderr } = await tagalign([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: tagalign /);
  });
});

describe("every verb", () => {
  it.each(verbs)(
    "%s writes its result on stdout and nothing on a stderr that is no terminal",
    async (verb) => {
      const { status, stdout, stderr } = await tagalign(argumentsOf(verb));
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(verb === "inspect" ? "TI-2101.PV" : "mixing-line-2");
      expect(stdout).not.toMatch(/\p{Cc}(?<!\n)|undefined|NaN|\[object/u);
    },
  );

  it.each(verbs)("%s -q writes nothing", async (verb) => {
    const { status, stdout, stderr } = await tagalign([...argumentsOf(verb), "-q"]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it.each(verbs)("%s --json writes one JSON document, before or after the verb, -q or not", async (verb) => {
    const runs = await Promise.all([
      tagalign([...argumentsOf(verb), "--json"]),
      tagalign(["--json", ...argumentsOf(verb), "--quiet"]),
    ]);
    for (const { status, stdout, stderr } of runs) {
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const document = JSON.parse(stdout);
      expect(document).toHaveProperty(verb === "inspect" ? "columns" : "capture");
      expect(document).not.toHaveProperty("error");
    }
  });

  it.each(verbs)("%s --json tells an error as one JSON document on stdout", async (verb) => {
    const { status, stdout, stderr } = await tagalign(
      [verb, "nowhere", "--dry-run", "--json"].filter((flag) => verb === "align" || flag !== "--dry-run"),
    );
    expect({ status, stderr }).toEqual({ status: 2, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: verb === "inspect" ? "USAGE_NO_FILE" : "USAGE_NO_MANIFEST",
        message: expect.stringContaining("nowhere"),
        where: { file: "nowhere" },
        hint: expect.any(String),
      },
    });
  });

  it.each(verbs)("%s tells of an ffprobe that cannot be run", async (verb) => {
    const video = join(import.meta.dirname, "../../fixtures/gas-round");
    const args = [verb, verb === "inspect" ? join(video, "headcam.mp4") : video];
    if (verb === "align") args.push("--dry-run");
    const nowhere = { env: { FFPROBE_PATH: join(root, "no-ffprobe") } };
    const [missing, ruled, silent] = await Promise.all([
      tagalign(args, nowhere),
      tagalign([...args, "--ffprobe", join(root, "other"), "--json"], nowhere),
      tagalign(args, { env: { FFPROBE_PATH: "" } }),
    ]);
    expect(missing.status).toBe(4);
    expect(missing.stderr).toMatch(
      /^error\[SOURCE_FFPROBE\]: ffprobe cannot be run: .*no-ffprobe \(ENOENT\)\n {2}at: /,
    );
    expect(missing.stderr).toContain("--ffprobe or FFPROBE_PATH");
    expect(ruled.status).toBe(4);
    expect(JSON.parse(ruled.stdout).error.message).toContain(join(root, "other"));
    expect(silent.status).toBe(0);
  });
});

const usage: [line: string, message: string, hint: string][] = [
  ["aling cap", "unknown command 'aling' (did you mean align?)", "see `tagalign --help`"],
  ["frobnicate", "unknown command 'frobnicate'", "see `tagalign --help`"],
  ["-x", "unknown option '-x'", "see `tagalign --help`"],
  [
    "-q",
    "no verb was given",
    "name one: align, check, inspect, clock, export, doctor, bench; see `tagalign --help`",
  ],
  ["align . --ouput x", "unknown option '--ouput' (did you mean --out?)", "see `tagalign align --help`"],
  ["check . --out x", "unknown option '--out'", "see `tagalign check --help`"],
  ["align", "missing required argument 'manifest'", "see `tagalign align --help`"],
  ["inspect", "missing required argument 'file'", "see `tagalign inspect --help`"],
  [
    "inspect a b",
    "too many arguments for 'inspect'. Expected 1 argument but got 2.",
    "see `tagalign inspect --help`",
  ],
  ["align . --out", "option '--out <dir>' argument missing", "see `tagalign align --help`"],
  [
    "align . --out x --workers 0",
    "option '--workers <n>' argument '0' is invalid. It must be a whole number of at least 1.",
    "see `tagalign align --help`",
  ],
  [
    "align . --out x --workers 1.5",
    "option '--workers <n>' argument '1.5' is invalid. It must be a whole number of at least 1.",
    "see `tagalign align --help`",
  ],
  [
    "align . --out x --workers two",
    "option '--workers <n>' argument 'two' is invalid. It must be a whole number of at least 1.",
    "see `tagalign align --help`",
  ],
  [
    "align . --out x --overwrite --resume",
    "option '--overwrite' cannot be used with option '--resume'",
    "see `tagalign align --help`",
  ],
  ["align .", "no output directory was given", "give --out DIR, or --dry-run"],
  [
    "align . --out x --from yesterday",
    '"yesterday" is not an instant',
    'write ISO 8601 with a zone, e.g. "2026-05-04T07:12:31.25Z"',
  ],
  [
    "align . --out x --from 2026-05-04T07:12:35",
    '"2026-05-04T07:12:35" has no zone',
    'end it with "Z" or an offset such as "+02:00"',
  ],
  [
    "align . --out x --to 5s",
    '"5s" is not an instant',
    'write ISO 8601 with a zone, e.g. "2026-05-04T07:12:31.25Z"',
  ],
  [
    "align . --out x --from 2026-05-04T07:12:36Z --to 2026-05-04T07:12:36Z",
    "the range is empty: --from 2026-05-04T07:12:36.000000000Z is not before --to 2026-05-04T07:12:36.000000000Z",
    "--to is the first instant after the rows",
  ],
];

describe("wrong usage is told in its three lines and exit status 2:", () => {
  it.each(usage)("tagalign %s", async (line, message, hint) => {
    const dir = mkdtempSync(join(root, "usage-"));
    cpSync(capture, dir, { recursive: true });
    const { status, stdout, stderr } = await tagalign(line.split(" "), { cwd: dir });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^error\[USAGE_[A-Z]+\]: /);
    expect(stderr).toContain(`: ${message}\n`);
    expect(stderr.endsWith(`  hint: ${hint}\n`), stderr).toBe(true);
    expect(existsSync(join(dir, "x"))).toBe(false);
  });

  it("the same as JSON", async () => {
    const { status, stdout, stderr } = await tagalign(["aling", "--json"]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "USAGE_ARGUMENTS",
        message: "unknown command 'aling' (did you mean align?)",
        where: {},
        hint: "see `tagalign --help`",
      },
    });
  });
});

describe("check", () => {
  it("tells all missing tags of all sources at once, with exit status 4", async () => {
    const dir = mkdtempSync(join(root, "check-"));
    cpSync(capture, dir, { recursive: true });
    writeFileSync(join(dir, "historian.csv"), "name,ts,value,status\nA,2026-05-04T07:12:30Z,1,192\n");
    const [told, json] = await Promise.all([tagalign(["check", dir]), tagalign(["check", dir, "--json"])]);
    expect(told.status).toBe(4);
    expect(told.stderr).toBe("");
    expect(told.stdout).toContain("  TI-2101.PV  MISSING\n  M-2101.STATE  MISSING\n");
    expect(json.status).toBe(4);
    expect(JSON.parse(json.stdout)).toMatchObject({ complete: false, capture: "mixing-line-2" });
  });

  it("names a manifest's mistake by file, line and column", async () => {
    const dir = mkdtempSync(join(root, "check-"));
    const manifest = readFileSync(join(capture, "manifest.yaml"), "utf8");
    writeFileSync(join(dir, "round.yaml"), manifest.replace("frames: head", "frames: head\nfps: 30"));
    const { status, stdout, stderr } = await tagalign(["check", "round.yaml"], { cwd: dir });
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toMatch(
      /^error\[MANIFEST_UNKNOWN_KEY\]: unknown key "fps".*\n {2}at: round\.yaml:30:1\n {2}hint: /,
    );
  });
});

describe("what a file holds cannot steer the terminal", () => {
  it("control characters of names and values are replaced", async () => {
    const file = join(root, "evil.csv");
    writeFileSync(
      file,
      'ts,"a\u001b[2Jb"\n2026-05-04T07:12:30Z,"x\u001b]0;title\u0007y"\n2026-05-04T07:12:31Z,"two\nlines"\n',
    );
    const { status, stdout } = await tagalign(["inspect", file]);
    expect(status).toBe(0);
    expect(stdout).not.toMatch(/\p{Cc}(?<!\n)/u);
    expect(stdout).toContain("two lines");
  });

  it("columns stay in line where characters are two cells wide", async () => {
    const file = join(root, "wide.csv");
    writeFileSync(file, "ts,温度,Druck\n2026-05-04T07:12:30Z,1.5,2\n");
    const { stdout } = await tagalign(["inspect", file]);
    expect(stdout).toContain("\n温度    text   100 %  1.5 ");
    expect(stdout).toContain("\nDruck   text   100 %  2 ");
  });
});

describe("pipes", () => {
  it.each(verbs)("%s into a reader that stops early is no error", async (verb) => {
    const child = spawn(process.execPath, [main, ...argumentsOf(verb), "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const status = await new Promise((done) => child.on("close", done));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("an error keeps its status where nobody reads it", async () => {
    const child = spawn(process.execPath, [main, "check", "nowhere"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stderr.destroy();
    expect(await new Promise((done) => child.on("close", done))).toBe(2);
  });

  it.skipIf(!existsSync("/dev/full"))("a full disk behind stdout is told, with exit status 7", () => {
    for (const json of [[], ["--json"]]) {
      const line = [process.execPath, main, "check", capture, ...json].map((part) => `'${part}'`).join(" ");
      const { status, stderr } = spawnSync("/bin/sh", ["-c", `${line} > /dev/full`], { encoding: "utf8" });
      expect(status).toBe(7);
      expect(stderr).toMatch(/^error\[OUTPUT_WRITE\]: standard output cannot be written \(ENOSPC\)\n/);
    }
  });

  it("progress is for terminals only", async () => {
    const { stderr } = await tagalign(argumentsOf("align"));
    expect(stderr).toBe("");
  });
});
