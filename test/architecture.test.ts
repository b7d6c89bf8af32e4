import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
}

const sources = filesBelow("src");
const kernels = filesBelow("assembly");
const textOf = (file: string) => readFileSync(join(root, file), "utf8");
/** Code without comments. */
const codeOf = (file: string) => textOf(file).replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, "");

/** src/align/plan.ts -> align; src/time.ts -> time. */
function roomOf(file: string): string {
  return (file.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function importsOf(file: string): string[] {
  return [...codeOf(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function localImportsOf(file: string): string[] {
  return importsOf(file)
    .filter((name) => name.startsWith("."))
    .map((name) =>
      relative(root, resolve(root, dirname(file), name))
        .split(sep)
        .join("/"),
    );
}

const ground = ["errors", "time", "samples", "version"];
const allowed: Record<string, readonly string[]> = {
  errors: [],
  time: ["errors"],
  samples: [],
  version: [],
  manifest: ["errors", "time"],
  kernels: ["errors"],
  clock: ["errors", "time", "kernels"],
  align: ["errors", "samples", "kernels"],
  parquet: ["errors", "kernels", "version"],
  pool: ["errors", "samples", "align", "kernels", "parquet"],
  tables: ["errors", "time", "samples"],
  sources: ["errors", "time", "tables"],
  sinks: ["errors", "time", "kernels", "parquet"],
  bench: ["errors", "kernels", "pool", "version"],
  page: ["errors", "time", "clock"],
  procedure: ["errors", "time", "manifest"],
  episodes: ["errors", "time", "samples", "procedure"],
  video: ["errors", "time"],
  aligned: ["errors", "time", "episodes"],
  datasets: ["errors", "time", "version", "episodes", "procedure", "video"],
  doctor: ["errors", "time", "version", "video"],
  run: [
    ...ground,
    "manifest",
    "kernels",
    "clock",
    "align",
    "pool",
    "tables",
    "sources",
    "sinks",
    "page",
    "procedure",
    "episodes",
    "video",
    "aligned",
    "datasets",
    "doctor",
  ],
  index: [
    ...ground,
    "manifest",
    "clock",
    "align",
    "pool",
    "run",
    "bench",
    "procedure",
    "episodes",
    "datasets",
    "doctor",
  ],
  cli: ["index"],
};

describe("arrows between rooms", () => {
  it("every room is on the map of docs/architecture.md", () => {
    const page = textOf("docs/architecture.md");
    const rooms = [...new Set(sources.map(roomOf))].sort();
    expect(rooms).toEqual(Object.keys(allowed).sort());
    for (const room of rooms) expect(page, room).toMatch(new RegExp(`\\| \`${room}(/|\\.ts)?\` \\|`));
  });

  it.each(sources)("%s imports only what its room may", (file) => {
    const room = roomOf(file);
    for (const target of localImportsOf(file)) {
      const other = roomOf(target);
      if (other === room || target === "package.json") continue;
      expect(allowed[room], `${file} imports ${target}`).toContain(other);
      const depth = target.split("/").length;
      if (depth > 2)
        expect(target, `${file} reaches past the door of ${other}/`).toBe(`src/${other}/index.ts`);
    }
  });

  it.each(["sources", "sinks"])("no file of src/%s imports a sibling kind", (room) => {
    const shared = [
      `src/${room}/source.ts`,
      `src/${room}/sink.ts`,
      `src/${room}/index.ts`,
      `src/${room}/registry.ts`,
    ];
    for (const file of sources.filter((one) => roomOf(one) === room && !shared.includes(one))) {
      for (const target of localImportsOf(file).filter((one) => roomOf(one) === room)) {
        const own = dirname(file) !== `src/${room}` && dirname(target) === dirname(file);
        expect(own || shared.includes(target), `${file} imports ${target}`).toBe(true);
      }
    }
  });

  it("no format of src/datasets imports another", () => {
    const formatOf = (file: string) => /^src\/datasets\/([^/]+)\//.exec(file)?.[1];
    const formats = sources.filter((file) => formatOf(file) !== undefined);
    expect(formats.length).toBeGreaterThan(20);
    for (const file of formats) {
      for (const target of localImportsOf(file).filter((one) => formatOf(one) !== undefined))
        expect(formatOf(target), `${file} imports ${target}`).toBe(formatOf(file));
    }
  });

  it.each(sources.filter((file) => file.endsWith("/index.ts") || file === "src/index.ts"))(
    "%s has export lines only",
    (file) => {
      const rest = codeOf(file).replace(/export\s+(type\s+)?(\*|\{[^}]*\})\s+from\s+"[^"]+";/g, "");
      if (file === "src/sources/index.ts") return expect(rest).toContain("openTable = {");
      expect(rest.trim()).toBe("");
    },
  );
});

describe("what only one room may say", () => {
  const only: [RegExp, string, RegExp][] = [
    [/\bWebAssembly\b/, "WebAssembly", /^src\/kernels\//],
    [/"@assemblyscript\/loader"/, "the AssemblyScript loader", /^src\/kernels\/load\.ts$/],
    [/"@duckdb\/node-api"/, "DuckDB", /^src\/(tables\/database|bench\/duckdb)\.ts$/],
    [/"(piscina|node:worker_threads)"/, "threads", /^src\/pool\//],
    [/"node:child_process"/, "child processes", /^src\/(sources\/video\/|video\/ffmpeg|doctor\/ffprobe)/],
    [/"mediabunny"/, "mediabunny", /^src\/video\//],
    [/"@mcap\/core"/, "@mcap/core", /^src\/(datasets|doctor)\/mcap\//],
    [/"h5wasm[/"]/, "h5wasm", /^src\/doctor\/hdf5\.ts$/],
    [/"commander"/, "commander", /^src\/cli\//],
    [/"yaml"/, "yaml", /^src\/manifest\//],
    [/"zod"/, "zod", /^src\/(manifest|procedure)\//],
    [/\bconsole\.|process\.(stdout|stderr|exit)\b/, "the terminal", /^src\/cli\//],
    [/process\.env\b/, "the environment", /^src\/cli\//],
  ];
  it.each(only)("%s", (pattern, _, place) => {
    for (const file of sources) if (!place.test(file)) expect(codeOf(file), file).not.toMatch(pattern);
    expect(sources.some((file) => place.test(file) && pattern.test(codeOf(file)))).toBe(true);
  });

  it("nothing holds an instant in a Date", () => {
    for (const file of sources.filter((one) => one !== "src/run/lock.ts"))
      expect(codeOf(file), file).not.toMatch(/\bnew Date\(|\bDate\.(now|parse|UTC)\(/);
  });

  it("align, clock, episodes and procedure do no IO and use no randomness", () => {
    const pure = sources.filter((file) => /^src\/(align|clock|episodes|procedure)\//.test(file));
    for (const file of pure) {
      // A keyed hash stands for a person's name.
      const isHash = (name: string) => name === "node:crypto" && file === "src/episodes/personnel.ts";
      expect(
        importsOf(file).filter((name) => name.startsWith("node:") && !isHash(name)),
        file,
      ).toEqual([]);
      expect(codeOf(file), file).not.toMatch(
        /Math\.random|performance\.|\bDate[.(]|process\.|setTimeout|fetch\(/,
      );
    }
  });
});

describe("the code base", () => {
  const all = [...sources, ...kernels];

  it.each(all)("%s is at most 400 lines", (file) => {
    expect(textOf(file).split("\n").length).toBeLessThanOrEqual(401);
  });

  it("uses the field's words", () => {
    for (const file of all) {
      expect(textOf(file), file).not.toMatch(/\bskew\b/i);
      expect(textOf(file), file).not.toMatch(/\b(TODO|FIXME|XXX|HACK)\b/);
    }
  });

  it("has no grab bags", () => {
    for (const file of all)
      expect(file).not.toMatch(/(^|\/)(utils?|helpers?|common|lib|misc|types)(\/|\.ts$)/);
  });

  it("keeps decorators and allocation out of the kernels", () => {
    for (const file of kernels) {
      const code = codeOf(file).replace(/from "[^"]+"/g, "");
      expect(code, file).not.toMatch(/^\s*@\w+|\bnew [A-Z]|"/m);
    }
  });
});
