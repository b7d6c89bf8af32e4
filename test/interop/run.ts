/**
 * Loads the sample data sets with the programs that they are made for: `npm run test:interop`.
 *
 * Makes virtual environments with pinned versions under build/interop, builds the samples in every format, reads each
 * with its own reader, and writes versions and results into docs/interop.md. Fails where a reader fails or warns.
 * PYTHON names an interpreter of version 3.12 or later.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { alignCapture, exportEpisodes } from "../../src/index.ts";

const root = resolve(import.meta.dirname, "../..");
const environments = join(root, "build/interop");
const sets = join(root, "out/samples");

/** The reader of each format: its script, and the environment that has it. */
const readers: Record<string, { script: string; environment: string }> = {
  lerobot: { script: "load_lerobot.py", environment: "lerobot" },
  mcap: { script: "mcap.py", environment: "lerobot" },
  hdf5: { script: "hdf5.py", environment: "lerobot" },
  parquet: { script: "tables.py", environment: "lerobot" },
  arrow: { script: "tables.py", environment: "lerobot" },
  rlds: { script: "rlds.py", environment: "tensorflow" },
};

interface Result {
  set: string;
  format: string;
  reader: string;
  counts: string;
  problems: string[];
}

const pythons = new Map(
  [...new Set(Object.values(readers).map(({ environment }) => environment))].map((name) => [
    name,
    environment(name),
  ]),
);
execFileSync("npx", ["tsx", join(root, "fixtures/build.ts")], { cwd: root, stdio: "inherit" });
await robotEpisode();
const results = folders().map(read);
writeFileSync(join(root, "docs/interop.md"), page(results));
const failed = results.filter(({ problems }) => problems.length > 0);
console.log(
  `${results.length - failed.length} of ${results.length} data sets are read without a failure or a warning`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/** The Python of an environment, which is made where it is not there. */
function environment(name: string): string {
  const folder = join(environments, name);
  const python = join(folder, "bin/python");
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "inherit" });
  if (!existsSync(python)) run(basePython(), "-m", "venv", folder);
  const requirements = join(import.meta.dirname, `requirements/${name}.txt`);
  run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements);
  return python;
}

function basePython(): string {
  const candidates = [process.env.PYTHON, "python3.13", "python3.12", "python3"];
  const check = "import sys, venv; sys.exit(sys.version_info < (3, 12))";
  const found = candidates.find((one) => one !== undefined && spawnSync(one, ["-c", check]).status === 0);
  if (found === undefined) throw new Error("Python 3.12 or later is needed: name it with PYTHON");
  return found;
}

/** A real robot's episode, where the recording is at hand: it went into LeRobot v2.1 by another writer. */
async function robotEpisode(): Promise<void> {
  const recording = resolve(root, "../shared/data/lerobot_g1");
  if (!existsSync(recording)) return console.log(`left out: the recording lerobot_g1 is not at ${recording}`);
  const folder = join(sets, "g1-pick-bottle");
  const manifest = join(root, "out/g1-pick-bottle.yaml");
  writeFileSync(
    manifest,
    `version: 1
capture: unitree/g1-pick-bottle
reference_clock: robot
clocks: { robot: {} }
sources:
  cam_high: { kind: video, path: ${join(recording, "videos/chunk-000/observation.images.cam_high/episode_000029.mp4")}, clock: robot }
  robot: { kind: parquet, role: robot, path: ${join(recording, "data/chunk-000/episode_000029.parquet")}, clock: robot, columns: { time: timestamp }, time: { unit: s } }
frames: cam_high
tags:
  state: { source: robot, tag: observation.state, join: nearest, tolerance: 1ms, role: state }
  action: { source: robot, tag: action, join: nearest, tolerance: 1ms, role: action }
episodes: { task: Pick up the yellow bottle on the table., robot: Unitree_G1_Inspire, observation: [state], action: [action] }
`,
  );
  const aligned = join(root, "out/g1-pick-bottle-aligned");
  await alignCapture(manifest, { out: aligned, overwrite: true });
  await exportEpisodes([aligned], { format: "lerobot", out: join(folder, "lerobot"), overwrite: true });
}

/** Every data set below out/samples, in name order. */
function folders(): string[] {
  const entries = readdirSync(sets, { recursive: true, withFileTypes: true });
  return entries
    .filter(({ name }) => name === "export.json")
    .map(({ parentPath }) => parentPath)
    .sort();
}

function read(folder: string): Result {
  const { format, options } = JSON.parse(readFileSync(join(folder, "export.json"), "utf8"));
  const kind = [format, options.format_version, options.layout].filter((part) => part !== null).join(" ");
  const set = relative(sets, folder).split("/")[0] as string;
  const { script, environment: name } = readers[format] as (typeof readers)[string];
  const run = spawnSync(pythons.get(name) as string, [join(import.meta.dirname, script), folder], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const line = run.stdout.trim().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) {
    const why = run.stderr.trim().split("\n").slice(-3).join(" ");
    console.log(`${set} ${kind}: ${why}`);
    return { set, format: kind, reader: script, counts: "", problems: [why] };
  }
  const { reader, failures = [], warnings = [], ...counts } = JSON.parse(line);
  const problems = [...failures, ...warnings, ...(run.status === 0 ? [] : [`status ${run.status}`])];
  const told = Object.entries(counts).map(
    ([key, value]) => `${key} ${JSON.stringify(value).replace(/["{}]/g, "")}`,
  );
  console.log(`${set} ${kind}: ${reader}: ${problems.length === 0 ? told.join(", ") : problems.join("; ")}`);
  return { set, format: kind, reader, counts: told.join(", "), problems };
}

function page(all: readonly Result[]): string {
  const rows = all.map(
    ({ set, format, reader, counts, problems }) =>
      `| ${set} | ${format} | ${reader} | ${counts} | ${problems.length === 0 ? "none" : problems.join("; ")} |`,
  );
  return [
    "# Data sets and the programs that read them",
    "",
    "Written by `npm run test:interop`: the shipped samples in every format, each read whole by its own reader, with every warning counted as a failure.",
    "",
    "| data set | format | reader | read | failures and warnings |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
