import { basename, join } from "node:path";
import type * as h5wasm from "h5wasm/node";
import { AlignError } from "../errors.ts";
import type { Outcome } from "./examine.ts";
import { type Checkup, counted, type DoctorOptions, Tally } from "./report.ts";
import { filesBelow, isFile } from "./tree.ts";

type Library = typeof h5wasm;

/** Data sets of one episode. */
interface Lengths {
  /** Of each data set by its path. */
  found: Map<string, number>;
}

/** Examines HDF5 files in the layouts of robomimic and ALOHA: structure, and the same number of frames throughout. */
export async function examineHdf5(root: string, checkup: Checkup, options: DoctorOptions): Promise<Outcome> {
  const library = await load();
  const isOne = await isFile(root);
  const files = isOne ? [basename(root)] : await filesBelow(root, "", /\.(hdf5|h5)$/);
  const tallies = {
    unreadable: new Tally(),
    structure: new Tally(),
    lengths: new Tally(),
    counts: new Tally(),
    time: new Tally(),
  };
  const layouts = new Set<string>();
  let episodes = 0;
  let frames = 0;
  for (const file of files) {
    options.signal?.throwIfAborted();
    try {
      const found = readFile(library, isOne ? root : join(root, file), { file, episodes, tallies, options });
      layouts.add(found.layout);
      episodes += found.lengths.length;
      frames += found.lengths.reduce((sum, length) => sum + length, 0);
    } catch (cause) {
      tallies.unreadable.add({ file }, reasonOf(cause));
    }
    options.onProgress?.(episodes, episodes);
  }
  const judge = (check: string, tally: Tally, of: string, bad: string, good: string) =>
    checkup.judge(check, { tally, bad: (count) => `${counted(count, of)} ${bad}`, good });
  judge("hdf5.file", tallies.unreadable, "file", "that HDF5 cannot read", counted(files.length, "file"));
  judge(
    "hdf5.structure",
    tallies.structure,
    "part",
    "of the layout missing",
    `the layout of ${[...layouts].join(" and ")}`,
  );
  judge(
    "hdf5.lengths",
    tallies.lengths,
    "data set",
    "with another number of frames than its episode",
    "data sets are as long as their episode",
  );
  judge("hdf5.counts", tallies.counts, "count", "not as stated", "counts are as stated");
  judge("hdf5.timestamp", tallies.time, "episode", "with times that do not go on", "times go on");
  return { version: [...layouts].join(", ") || null, episodes, frames };
}

interface FilePlace {
  file: string;
  /** Of the files before. */
  episodes: number;
  tallies: Tallies;
  options: DoctorOptions;
}

function readFile(library: Library, path: string, place: FilePlace): { layout: string; lengths: number[] } {
  const { file, episodes, tallies, options } = place;
  const opened = new library.File(path, "r");
  try {
    const demos = childrenOf(library, opened, "data");
    if (demos !== undefined)
      return { layout: "robomimic", lengths: readDemos(library, opened, demos, file, tallies, options) };
    const needed = ["action", "observations/qpos"];
    return { layout: "aloha", lengths: [episodeOf(library, opened, file, needed, tallies, episodes)] };
  } finally {
    opened.close();
  }
}

/** What HDF5 says of its outermost call. */
function reasonOf(cause: unknown): string {
  const lines = String((cause as Error).message).split("\n");
  return /\): (.+)$/.exec(lines.find((line) => line.includes("#000")) ?? "")?.[1] ?? (lines[0] as string);
}

async function load(): Promise<Library> {
  try {
    const library = await import("h5wasm/node");
    // Else HDF5 writes what it does not like to the terminal, and goes on.
    (await library.ready).activate_throwing_error_handler();
    return library;
  } catch (cause) {
    const hint = "install it: npm install h5wasm";
    throw new AlignError("USAGE_HDF5", "HDF5 files need the package h5wasm", { hint, cause });
  }
}

interface Tallies {
  structure: Tally;
  lengths: Tally;
  counts: Tally;
  time: Tally;
}

function childrenOf(library: Library, file: h5wasm.File, path: string): string[] | undefined {
  const group = file.get(path);
  return group instanceof library.Group ? group.keys() : undefined;
}

function readDemos(
  library: Library,
  file: h5wasm.File,
  names: readonly string[],
  path: string,
  tallies: Tallies,
  options: DoctorOptions,
): number[] {
  const data = file.get("data") as h5wasm.Group;
  const { structure, counts } = tallies;
  if (data.attrs.env_args === undefined) structure.add({ file: path }, "data has no attribute env_args");
  else if (!isJson(data.attrs.env_args.value)) structure.add({ file: path }, "env_args is no JSON");
  const number = (name: string) => Number(/^demo_(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  const demos = names.filter((name) => !Number.isNaN(number(name))).sort((a, b) => number(a) - number(b));
  for (const [at, name] of demos.entries())
    if (number(name) !== at)
      structure.add({ file: path, episode: number(name) }, `${name} in place of demo_${at}`);
  const lengths = demos.slice(0, options.maxEpisodes).map((name, at) => {
    const group = data.get(name) as h5wasm.Group;
    const length = episodeOf(library, group, path, ["actions", "obs"], tallies, at);
    const said = Number(group.attrs.num_samples?.value ?? Number.NaN);
    if (said !== length) counts.add({ file: path, episode: at }, `num_samples is ${said}, not ${length}`);
    return length;
  });
  const total = data.attrs.total?.value;
  const sum = lengths.reduce((all, length) => all + length, 0);
  if (total !== undefined && lengths.length === demos.length && Number(total) !== sum)
    counts.add({ file: path }, `total is ${total}, not ${sum}`);
  checkMasks(library, file, demos, path, tallies);
  return lengths;
}

/** Every split names demos that are there. */
function checkMasks(
  library: Library,
  file: h5wasm.File,
  demos: readonly string[],
  path: string,
  tallies: Tallies,
): void {
  for (const name of childrenOf(library, file, "mask") ?? []) {
    const split = file.get(`mask/${name}`);
    const values = split instanceof library.Dataset ? split.value : [];
    for (const one of Array.isArray(values) ? values : [])
      if (!demos.includes(String(one).replace(/\0+$/, "")))
        tallies.structure.add({ file: path }, `mask/${name} names ${one}, which is missing`);
  }
}

/** Returns the frames of one episode. */
function episodeOf(
  library: Library,
  group: h5wasm.Group,
  file: string,
  needed: readonly string[],
  { structure, lengths, time }: Tallies,
  episode: number,
): number {
  const where = { file, episode };
  for (const path of needed) if (group.get(path) === null) structure.add(where, `${path} is missing`);
  const found: Lengths = { found: new Map() };
  collect(library, group, "", found);
  // Rows of compress_len are cameras.
  found.found.delete("compress_len");
  const length = found.found.get(needed[0] as string) ?? [...found.found.values()][0] ?? 0;
  for (const [path, one] of found.found)
    if (one !== length) lengths.add({ ...where, feature: path }, `${path} has ${one} frames, not ${length}`);
  const stamps = group.get("timestamp_ns");
  const times = stamps instanceof library.Dataset ? stamps.value : undefined;
  if (times instanceof BigInt64Array)
    for (let frame = 1; frame < times.length; frame += 1)
      if ((times[frame] as bigint) <= (times[frame - 1] as bigint)) {
        time.add({ ...where, frame }, `${times[frame]} after ${times[frame - 1]}`);
        break;
      }
  return length;
}

function collect(library: Library, group: h5wasm.Group, path: string, lengths: Lengths): void {
  for (const name of group.keys()) {
    const below = path === "" ? name : `${path}/${name}`;
    const entity = group.get(name);
    if (entity instanceof library.Group) collect(library, entity, below, lengths);
    else if (entity instanceof library.Dataset && (entity.shape?.length ?? 0) > 0)
      lengths.found.set(below, entity.shape?.[0] ?? 0);
  }
}

function isJson(value: unknown): boolean {
  try {
    JSON.parse(String(value));
    return true;
  } catch {
    return false;
  }
}
