import type { Checkup } from "../report.ts";

/** One entry of `features`. */
export interface Feature {
  name: string;
  dtype: string;
  shape: number[];
  /** The dtype's own facts, such as `video.codec`. */
  info: Record<string, unknown>;
}

/** meta/info.json as far as it makes sense. */
export interface Info {
  raw: Record<string, unknown>;
  /** 3 where episodes share files, 2 where each has its own. */
  layout: 2 | 3;
  fps: number;
  features: Feature[];
  cameras: Feature[];
  chunksSize: number;
  dataPath: string;
  videoPath: string | null;
}

export const bookkeeping: Readonly<Record<string, string>> = {
  timestamp: "float32",
  frame_index: "int64",
  episode_index: "int64",
  index: "int64",
  task_index: "int64",
};

export const languageColumns = ["language_persistent", "language_events"];

const numericDtypes = new Set(
  ["bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64"].concat([
    "uint8",
    "uint16",
    "uint32",
    "uint64",
  ]),
);

export function isNumeric({ dtype }: Feature): boolean {
  return numericDtypes.has(dtype);
}

/** Numbers a frame. */
export function sizeOf({ shape }: Feature): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Whether policies take it in: the loader goes by the name alone. */
export function isInput({ name }: Feature): boolean {
  return name.startsWith("observation") || name.startsWith("action");
}

const where = { file: "meta/info.json" };

/** Checks the file itself; undefined where nothing more can be read by it. */
export function checkInfo(raw: unknown, checkup: Checkup): Info | undefined {
  if (!isRecord(raw)) {
    checkup.fail("info.json", "it is no JSON object", where);
    return undefined;
  }
  const layout = checkVersion(raw.codebase_version, checkup);
  const features = checkFeatures(raw.features, checkup);
  const { fps } = raw;
  const isRate = typeof fps === "number" && Number.isFinite(fps) && fps > 0;
  if (!isRate) checkup.fail("info.fps", `fps is ${JSON.stringify(fps)}, not a number above 0`, where);
  else if (!Number.isInteger(fps))
    checkup.warn("info.fps", `fps is ${fps}; LeRobot's type for it is a whole number`, where);
  else checkup.pass("info.fps", `fps ${fps}`);
  if (layout === undefined || features === undefined || !isRate) return undefined;
  checkFields(raw, layout, checkup);
  const paths = defaultPaths[layout];
  return {
    raw,
    layout,
    fps,
    features,
    cameras: features.filter(({ dtype }) => dtype === "video"),
    chunksSize: positive(raw.chunks_size) ?? 1000,
    dataPath: typeof raw.data_path === "string" ? raw.data_path : paths.data,
    videoPath:
      typeof raw.video_path === "string" ? raw.video_path : raw.video_path === null ? null : paths.video,
  };
}

const defaultPaths = {
  3: {
    data: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
    video: "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
  },
  2: {
    data: "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
    video: "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
  },
};

function checkVersion(version: unknown, checkup: Checkup): 2 | 3 | undefined {
  const major = /^v?(\d+)(\.\d+)*$/.exec(typeof version === "string" ? version : "")?.[1];
  if (major === "2" || major === "3") {
    checkup.pass("info.version", `LeRobot ${version}`);
    return Number(major) as 2 | 3;
  }
  const shown = JSON.stringify(version) ?? "missing";
  const why =
    major === undefined ? "is no version" : "has another major version than the readers of v2 and v3";
  checkup.fail("info.version", `codebase_version ${shown} ${why}`, where);
  return undefined;
}

const knownFields = new Set(
  [
    "codebase_version",
    "fps",
    "features",
    "total_episodes",
    "total_frames",
    "total_tasks",
    "chunks_size",
  ].concat(
    ["data_files_size_in_mb", "video_files_size_in_mb", "data_path", "video_path", "robot_type"],
    ["splits", "tools"],
  ),
);
const oldFields = ["total_chunks", "total_videos"];

function checkFields(raw: Record<string, unknown>, layout: 2 | 3, checkup: Checkup): void {
  const problems: string[] = [];
  const sizes =
    layout === 3 ? ["chunks_size", "data_files_size_in_mb", "video_files_size_in_mb"] : ["chunks_size"];
  for (const name of sizes)
    if (raw[name] !== undefined && positive(raw[name]) === undefined)
      problems.push(`${name} is ${JSON.stringify(raw[name])}, not a number above 0`);
  for (const name of ["data_path", "video_path"])
    if (
      raw[name] !== undefined &&
      typeof raw[name] !== "string" &&
      !(name === "video_path" && raw[name] === null)
    )
      problems.push(`${name} is ${JSON.stringify(raw[name])}, not a path`);
  const { robot_type: robot, tools } = raw;
  if (robot !== undefined && robot !== null && typeof robot !== "string")
    problems.push(`robot_type is ${JSON.stringify(robot)}, not text`);
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) problems.push("tools is not a list");
  if (problems.length === 0) checkup.pass("info.fields", "fields have their types");
  for (const problem of problems) checkup.fail("info.fields", problem, where);
  const unknown = Object.keys(raw).filter(
    (name) => !knownFields.has(name) && !(layout === 2 && oldFields.includes(name)),
  );
  if (unknown.length > 0 && layout === 3)
    checkup.warn(
      "info.fields",
      `the loader warns of unknown fields and loses them: ${unknown.join(", ")}`,
      where,
    );
}

function checkFeatures(raw: unknown, checkup: Checkup): Feature[] | undefined {
  if (!isRecord(raw)) {
    checkup.fail("info.features", "features is no object", where);
    return undefined;
  }
  const features: Feature[] = [];
  let isWhole = true;
  const fail = (feature: string, message: string) => {
    isWhole = false;
    checkup.fail("info.features", message, { ...where, feature });
  };
  for (const [name, entry] of Object.entries(raw)) {
    if (!isRecord(entry) || typeof entry.dtype !== "string" || !isShape(entry.shape)) {
      fail(name, `${name} has no dtype and shape`);
      continue;
    }
    const info = isRecord(entry.info) ? entry.info : isRecord(entry.video_info) ? entry.video_info : {};
    const feature = { name, dtype: entry.dtype, shape: entry.shape, info };
    features.push(feature);
    const problem = featureProblem(feature);
    if (problem !== undefined) fail(name, problem);
    const mismatch = namesProblem(entry.names, feature);
    if (mismatch !== undefined) checkup.warn("info.names", mismatch, { ...where, feature: name });
  }
  for (const [name, dtype] of Object.entries(bookkeeping)) {
    const feature = features.find((one) => one.name === name);
    if (feature === undefined) fail(name, `${name} is missing; every data set has it`);
    else if (feature.dtype !== dtype || feature.shape.join() !== "1")
      fail(name, `${name} is ${feature.dtype}[${feature.shape}], not ${dtype}[1]`);
  }
  if (isWhole) checkup.pass("info.features", `${features.length} features are well formed`);
  return features;
}

function featureProblem(feature: Feature): string | undefined {
  const { name, dtype, shape } = feature;
  if (name.includes("/")) return `the name ${name} holds "/", which the loader refuses`;
  if (dtype === "language")
    return languageColumns.includes(name) ? undefined : `${name} is no language column that the loader knows`;
  if (languageColumns.includes(name)) return `${name} has dtype ${dtype}, not language`;
  if (dtype === "video" || dtype === "image")
    return shape.length === 3 ? undefined : `${name} has shape [${shape}], not height, width and channels`;
  if (dtype === "string")
    return shape.join() === "1" ? undefined : `${name} is text of shape [${shape}], not [1]`;
  if (!isNumeric(feature)) return `${name} has dtype ${dtype}, which the loader does not know`;
  if (name.includes("image"))
    return `${name} is numeric, but "image" in its name makes the loader expect statistics of pictures`;
  if (shape.length === 0 || shape.length > 5) return `${name} has shape [${shape}], not 1 to 5 sides`;
  return undefined;
}

/** Names may also be a list within a list, or lists by group. */
function namesProblem(names: unknown, { name, dtype, shape }: Feature): string | undefined {
  if (names === null || names === undefined || shape.length !== 1 || !numericDtypes.has(dtype))
    return undefined;
  const flat = Array.isArray(names)
    ? names.flat()
    : isRecord(names)
      ? Object.values(names).flat()
      : undefined;
  if (flat === undefined || flat.some((one) => typeof one !== "string")) return undefined;
  return flat.length === shape[0] ? undefined : `${name} has ${flat.length} names for ${shape[0]} numbers`;
}

function isShape(shape: unknown): shape is number[] {
  return Array.isArray(shape) && shape.every((side) => Number.isInteger(side) && side > 0);
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks counters and splits against what is there. */
export function checkCounters(
  info: Info,
  counts: Readonly<Record<string, number>>,
  isCertain: boolean,
  checkup: Checkup,
): void {
  const wrong = Object.entries(counts).filter(([name, count]) => info.raw[name] !== count);
  for (const [name, count] of wrong) {
    const shown = info.raw[name] === undefined ? "missing" : JSON.stringify(info.raw[name]);
    checkup.fail("info.counters", `${name} is ${shown}; the data have ${count}`, where, isCertain);
  }
  if (wrong.length === 0) {
    const said = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
    checkup.pass("info.counters", said.join(", "));
  }
  const problem = splitsProblem(info.raw.splits, counts.total_episodes ?? 0);
  if (problem === undefined) checkup.pass("info.splits", "splits cover the episodes");
  else
    checkup[problem.isBroken ? "fail" : "warn"](
      "info.splits",
      problem.message,
      where,
      isCertain && problem.isFixable,
    );
}

/** Several splits are somebody's choice, which cannot be told from the data. */
export function splitsProblem(
  splits: unknown,
  episodes: number,
): { message: string; isBroken: boolean; isFixable: boolean } | undefined {
  const ranges = isRecord(splits) ? Object.entries(splits) : [];
  const isFixable = ranges.length < 2;
  if (ranges.length === 0) return { message: "there are no splits", isBroken: false, isFixable };
  let end = 0;
  for (const [name, range] of ranges) {
    const [, from = "", to = ""] = /^(\d+):(\d+)$/.exec(String(range)) ?? [];
    const isPair = to !== "" && Number(from) <= Number(to);
    if (!isPair || Number(to) > episodes) {
      const why = isPair ? `but there are ${episodes} episodes` : "not two numbers with a colon";
      return { message: `split ${name} is ${JSON.stringify(range)}, ${why}`, isBroken: true, isFixable };
    }
    end = Math.max(end, Number(to));
  }
  if (end === episodes) return undefined;
  return { message: `splits end at episode ${end}, but there are ${episodes}`, isBroken: false, isFixable };
}

/** A path of a template such as `data/chunk-{chunk_index:03d}`; undefined where it names something else. */
export function fillPath(
  template: string,
  values: Readonly<Record<string, number | string>>,
): string | undefined {
  let isWhole = true;
  const path = template.replace(/\{(\w+)(?::0?(\d+)d)?\}/g, (_, name: string, digits?: string) => {
    const value = values[name];
    if (value === undefined) isWhole = false;
    return String(value).padStart(digits === undefined ? 0 : Number(digits), "0");
  });
  return isWhole ? path : undefined;
}
