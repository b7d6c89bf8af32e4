import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { openPublication, type Publication } from "../../src/run/publish.ts";

const room = mkdtempSync(join(tmpdir(), "publish-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));
let parent = "";
let out = "";
beforeEach(() => {
  parent = mkdtempSync(join(room, "case-"));
  out = join(parent, "out");
});

const files = ["aligned.parquet", "more/aligned.csv"];

/** Writes all files with this text, a report that names them, and leaves publishing to the caller. */
async function prepare(text: string, overwrite = false, names = files): Promise<Publication> {
  const publication = await openPublication(out, { files: names, overwrite });
  for (const name of names) writeFileSync(publication.path(name), `${text} ${name}`);
  const outputs = names.map((path) => ({ path }));
  writeFileSync(publication.path("report.json"), JSON.stringify({ text, outputs }));
  return publication;
}

/** Every file under a folder with what it holds. */
function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(folder.length + 1)] = readFileSync(path, "utf8");
  }
  return found;
}

function result(text: string, names = files): Record<string, string> {
  return Object.fromEntries([
    ...names.map((name) => [name, `${text} ${name}`]),
    ["report.json", JSON.stringify({ text, outputs: names.map((path) => ({ path })) })],
  ]);
}

async function errorOf(work: Promise<unknown>): Promise<AlignError> {
  const reason = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (reason instanceof AlignError) return reason;
  throw new Error(`not an AlignError: ${String(reason)}`);
}

describe("a directory that is new or empty", () => {
  it("appears whole with its parents, and not before", async () => {
    out = join(parent, "a", "b", "out");
    const publication = await prepare("new");
    expect(existsSync(out)).toBe(false);
    await publication.publish();
    expect(contents(out)).toEqual(result("new"));
    expect(readdirSync(dirname(out))).toEqual(["out"]);
  });

  it("may exist already, also behind a link", async () => {
    mkdirSync(join(parent, "real"), { mode: 0o750 });
    symlinkSync(join(parent, "real"), out);
    await (await prepare("new")).publish();
    expect(contents(join(parent, "real"))).toEqual(result("new"));
    expect(readdirSync(parent).sort()).toEqual(["out", "real"]);
  });

  it("leaves no trace when discarded", async () => {
    out = join(parent, "a", "b", "out");
    const publication = await prepare("new");
    await publication.discard();
    await publication.discard();
    expect(readdirSync(parent)).toEqual([]);
  });

  it("leaves no trace when a file is missing", async () => {
    const publication = await prepare("new");
    rmSync(publication.path("more/aligned.csv"));
    const error = await errorOf(publication.publish());
    expect(error.code).toBe("OUTPUT_WRITE");
    expect(error.message).toContain("aligned.csv");
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe("a directory with other files", () => {
  beforeEach(() => {
    mkdirSync(join(out, "more"), { recursive: true });
    writeFileSync(join(out, "notes.txt"), "notes");
    writeFileSync(join(out, "more", "notes.txt"), "more notes");
  });
  const others = { "notes.txt": "notes", "more/notes.txt": "more notes" };

  it("keeps them", async () => {
    await (await prepare("new")).publish();
    expect(contents(out)).toEqual({ ...others, ...result("new") });
  });

  it("is as before when discarded", async () => {
    await (await prepare("new")).discard();
    expect(contents(out)).toEqual(others);
  });

  it("is as before when a file cannot be put in place", async () => {
    const publication = await prepare("new");
    rmSync(join(out, "more"), { recursive: true });
    writeFileSync(join(out, "more"), "now a file");
    const error = await errorOf(publication.publish());
    expect(error.code).toBe("OUTPUT_WRITE");
    expect(contents(out)).toEqual({ "notes.txt": "notes", more: "now a file" });
  });
});

describe("a failure half-way", () => {
  const names = ["deep/er/first.csv", "dead/second.csv"];
  /** A link to nowhere looks free, but nothing can be moved behind it. */
  const block = () => symlinkSync(join(parent, "nowhere"), join(out, "dead"));

  it("takes back what was moved and the folders made for it", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "notes.txt"), "notes");
    const publication = await prepare("new", false, names);
    block();
    expect((await errorOf(publication.publish())).code).toBe("OUTPUT_WRITE");
    expect(readdirSync(out).sort()).toEqual(["dead", "notes.txt"]);
  });

  it("puts the old result back", async () => {
    await (await prepare("old")).publish();
    const publication = await prepare("new", true, ["aligned.parquet", ...names]);
    block();
    expect((await errorOf(publication.publish())).code).toBe("OUTPUT_WRITE");
    expect(contents(out)).toEqual(result("old"));
    expect(readdirSync(out).sort()).toEqual(["aligned.parquet", "dead", "more", "report.json"]);
  });
});

describe("a directory with a result", () => {
  beforeEach(async () => (await prepare("old")).publish());

  it.each(["report.json", ...files])("is refused for its %s", async (name) => {
    for (const other of ["report.json", ...files]) if (other !== name) rmSync(join(out, other));
    const before = contents(out);
    const error = await errorOf(openPublication(out, { files, overwrite: false }));
    expect(error.code).toBe("OUTPUT_EXISTS");
    expect(error.exitCode).toBe(7);
    expect(error.message).toContain("already holds a result");
    expect(error.hint).toContain("--overwrite");
    expect(error.hint).toContain("--resume");
    expect(contents(out)).toEqual(before);
  });

  it("keeps it until the new one is complete", async () => {
    const publication = await prepare("new", true);
    const visible = Object.entries(contents(out)).filter(([path]) => !path.startsWith(".tagalign"));
    expect(Object.fromEntries(visible)).toEqual(result("old"));
    await publication.publish();
    expect(contents(out)).toEqual(result("new"));
  });

  it("loses files that only the old result had, and nothing outside", async () => {
    writeFileSync(join(out, "notes.txt"), "notes");
    writeFileSync(join(parent, "precious"), "precious");
    const outputs = ["../precious", join(parent, "precious"), ".", "more/aligned.csv", 7].map((path) => ({
      path,
    }));
    writeFileSync(join(out, "report.json"), JSON.stringify({ outputs }));
    await (await prepare("new", true, ["aligned.parquet"])).publish();
    expect(contents(out)).toEqual({ ...result("new", ["aligned.parquet"]), "notes.txt": "notes" });
    expect(readFileSync(join(parent, "precious"), "utf8")).toBe("precious");
  });

  it("takes a report that is no JSON as naming nothing", async () => {
    writeFileSync(join(out, "report.json"), "{");
    await (await prepare("new", true)).publish();
    expect(contents(out)).toEqual(result("new"));
  });

  it.each([0, 1, 2])("gets it back whole when file %d cannot be put in place", async (index) => {
    const publication = await prepare("new", true);
    const place = join(out, [...files, "report.json"][index]!);
    rmSync(place);
    mkdirSync(join(place, "in the way"), { recursive: true });
    const before = contents(out);
    const error = await errorOf(publication.publish());
    expect(error.code).toBe("OUTPUT_WRITE");
    const expected = Object.entries(before).filter(([path]) => !path.startsWith(".tagalign"));
    expect(contents(out)).toEqual(Object.fromEntries(expected));
  });

  it("is as before when discarded", async () => {
    await (await prepare("new", true)).discard();
    expect(contents(out)).toEqual(result("old"));
  });
});

describe("several runs into one directory", () => {
  it.each(["missing", "empty", "with other files"])(
    "one wins and the other is refused: %s",
    async (state) => {
      if (state !== "missing") mkdirSync(out);
      if (state === "with other files") writeFileSync(join(out, "notes.txt"), "notes");
      const runs = await Promise.all(["one", "two", "three"].map((text) => prepare(text)));
      const outcomes = await Promise.allSettled(runs.map((run) => run.publish()));
      const winners = outcomes.filter(({ status }) => status === "fulfilled");
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect((outcome.reason as AlignError).code).toBe("OUTPUT_EXISTS");
      }
      const winner = ["one", "two", "three"][outcomes.findIndex(({ status }) => status === "fulfilled")]!;
      expect(contents(out)).toEqual({
        ...result(winner),
        ...(state === "with other files" ? { "notes.txt": "notes" } : {}),
      });
      expect(readdirSync(parent)).toEqual(["out"]);
    },
  );

  it("all that overwrite succeed, and files of two runs never mix", async () => {
    await (await prepare("old")).publish();
    const runs = await Promise.all(["one", "two", "three"].map((text) => prepare(text, true)));
    await Promise.all(runs.map((run) => run.publish()));
    const found = contents(out);
    expect(["one", "two", "three"].map((text) => result(text))).toContainEqual(found);
  });
});

describe("what crashed runs left", () => {
  const crashed = "tagalign-999999-abcdef";

  it("staging folders do not disturb", async () => {
    mkdirSync(join(parent, `.out.${crashed}`));
    mkdirSync(join(out, `.${crashed}`), { recursive: true });
    await (await prepare("new")).publish();
    expect(contents(out)).toEqual(result("new"));
    await (await prepare("newer", true)).publish();
    expect(contents(out)).toEqual(result("newer"));
  });

  it("a lock whose process is gone does not disturb", async () => {
    mkdirSync(out);
    const { pid } = spawnSync("true");
    writeFileSync(join(out, ".tagalign.lock"), JSON.stringify({ host: hostname(), pid }));
    await (await prepare("new")).publish();
    expect(contents(out)).toEqual(result("new"));
  });

  it("a lock of a living process does", async () => {
    mkdirSync(out);
    writeFileSync(join(out, ".tagalign.lock"), JSON.stringify({ host: hostname(), pid: process.pid }));
    const error = await errorOf((await prepare("new")).publish());
    expect(error.code).toBe("OUTPUT_BUSY");
    expect(Object.keys(contents(out))).toEqual([".tagalign.lock"]);
  }, 15_000);
});

describe("a place that cannot be written is found before the work", () => {
  it("a file", async () => {
    writeFileSync(out, "a file");
    const error = await errorOf(openPublication(out, { files, overwrite: true }));
    expect(error.code).toBe("OUTPUT_DIRECTORY");
    expect(error.exitCode).toBe(7);
  });

  it("below a file", async () => {
    writeFileSync(join(parent, "file"), "a file");
    const error = await errorOf(openPublication(join(parent, "file", "out"), { files, overwrite: false }));
    expect(error.code).toBe("OUTPUT_WRITE");
    expect(error.hint).toContain("--out");
  });

  it.skipIf(process.platform !== "linux")("a file system that takes no files", async () => {
    expect((await errorOf(openPublication("/proc/tagalign/out", { files, overwrite: false }))).code).toBe(
      "OUTPUT_WRITE",
    );
    expect((await errorOf(openPublication("/proc", { files, overwrite: false }))).code).toBe("OUTPUT_WRITE");
  });

  it("an output whose place is a folder", async () => {
    mkdirSync(join(out, "aligned.parquet"), { recursive: true });
    const error = await errorOf(openPublication(out, { files, overwrite: true }));
    expect(error.message).toContain("aligned.parquet is a directory");
  });
});
