import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } from "hyparquet";
import { afterAll, describe, expect, it } from "vitest";
import { type DatasetFormatName, datasetFormat, type VideoMode } from "../../src/datasets/index.ts";
import { type Carriers, episodeFields, frameFields } from "../../src/episodes/index.ts";
import { contents } from "../datasets/hdf5/h5wasm.ts";
import { readIndexed } from "../datasets/mcap/readers.ts";
import { writeInto } from "../datasets/plant-set.ts";
import { encodeNumbered, hasFfmpeg } from "../video/footage.ts";
import { sampleSet } from "./sample.ts";

const root = mkdtempSync(join(tmpdir(), "carriers-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A key frame begins each episode, and frames out of order make MCAP refer to the file. */
const video = join(root, "head.mp4");
const x264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "4", "-bf", "2", "-b_strategy", "0"];
if (hasFfmpeg) encodeNumbered(video, 8, x264);

/** A data set of the sample. */
async function written(format: DatasetFormatName, mode: VideoMode, version?: string): Promise<string> {
  const dir = join(root, `${format}${version ?? ""}-${mode}`);
  const { write } = await datasetFormat(format);
  const options = { video: mode, ffmpeg: "ffmpeg", ...(version === undefined ? {} : { version }) };
  await write(await sampleSet(hasFfmpeg ? video : undefined), writeInto(dir).files, options);
  return dir;
}

async function columnsOf(path: string): Promise<string[]> {
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  return parquetSchema(metadata).children.map(({ element }) => element.name);
}

const jsonOf = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const within = (file: string, keys: Iterable<string>) => [...keys].map((key) => `${file}: ${key}`);

/** Paths of all values of a JSON document. */
function pathsOf(value: unknown, above = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => [above + key, ...pathsOf(item, `${above}${key}.`)]);
}

async function lerobot(mode: VideoMode, version: string): Promise<Set<string>> {
  const isThree = version === "3.0";
  const dir = await written("lerobot", mode, version);
  const info = jsonOf(dir, "meta/info.json");
  const episodes = isThree
    ? within("meta/episodes", await columnsOf(join(dir, "meta/episodes/chunk-000/file-000.parquet")))
    : readFileSync(join(dir, "meta/episodes.jsonl"), "utf8")
        .trim()
        .split("\n")
        .flatMap((line) => within("meta/episodes.jsonl", Object.keys(JSON.parse(line))));
  const own = jsonOf(dir, "meta/tagalign.json").episodes.flatMap(Object.keys) as string[];
  return new Set([
    ...Object.keys(info.features),
    ...within("meta/info.json", Object.keys(info)),
    ...episodes,
    ...own.map((key) => `meta/tagalign.json: episodes.${key}`),
  ]);
}

interface RldsFeature {
  readonly sequence?: { readonly feature: RldsFeature };
  readonly featuresDict?: { readonly features: Readonly<Record<string, RldsFeature>> };
}

/** Everything that a data set has a place for, by the way that pictures go. */
const carriers: Record<keyof Carriers, (mode: VideoMode) => Promise<Set<string>>> = {
  lerobot: (mode) => lerobot(mode, "3.0"),
  groot: (mode) => lerobot(mode, "2.1"),
  async rlds(mode) {
    const dir = await written("rlds", mode);
    const files = readdirSync(dir, { recursive: true, encoding: "utf8" });
    const find = (name: string) => jsonOf(dir, files.find((file) => file.endsWith(name))!);
    const keys: string[] = [];
    const walk = ({ sequence, featuresDict }: RldsFeature, above: readonly string[]) => {
      if (sequence !== undefined) walk(sequence.feature, above);
      else if (featuresDict === undefined) keys.push(above.join("/"));
      for (const [name, below] of Object.entries(featuresDict?.features ?? {})) walk(below, [...above, name]);
    };
    walk(find("features.json"), []);
    return new Set([...keys, ...within("tagalign.json", Object.keys(find("tagalign.json")))]);
  },
  async mcap(mode) {
    const dir = await written("mcap", mode);
    const { channels, messages, metadata } = await readIndexed(join(dir, "episode_000001.mcap"));
    const paths = messages.flatMap(({ channelId, data }) => {
      const { topic, messageEncoding } = channels.get(channelId)!;
      if (messageEncoding !== "json") return [topic];
      return within(topic, pathsOf(JSON.parse(new TextDecoder().decode(data))));
    });
    const records = Object.entries(metadata).flatMap(([name, facts]) =>
      within(`metadata ${name}`, Object.keys(facts)),
    );
    return new Set([...paths, ...records]);
  },
  async hdf5(mode) {
    const dir = await written("hdf5", mode);
    const paths = Object.keys(await contents(join(dir, "dataset.hdf5")));
    return new Set(paths.map((path) => path.replace(/^data\/demo_1\/?/, "")));
  },
  async table(mode) {
    const dir = await written("parquet", mode);
    const tables = ["episodes", "segments"];
    const columns = await Promise.all(
      tables.map(async (name) => within(name, await columnsOf(join(dir, `${name}.parquet`)))),
    );
    return new Set([
      ...(await columnsOf(join(dir, "frames.parquet"))),
      ...columns.flat(),
      ...within("dataset.json", Object.keys(jsonOf(dir, "dataset.json"))),
    ]);
  },
};

/** What stands for `<name>`, `<tag>` and `<camera>` in the sample. */
function inSample(field: string, carrier: string): string {
  const context = field.endsWith("_valid") ? "safety_protocol_id" : "job_order_id";
  const tag = { "observation.state": "grip", action: "valve_open" }[field] ?? "gas_reading";
  return carrier.replace("<name>", context).replace("<tag>", tag).replace("<camera>", "head");
}

const datasets: Record<keyof Carriers, DatasetFormatName> = {
  lerobot: "lerobot",
  groot: "lerobot",
  rlds: "rlds",
  mcap: "mcap",
  hdf5: "hdf5",
  table: "parquet",
};
const isPictures = (name: string) => name === "videos" || name === "observation.images.<camera>";
const fields = [...frameFields, ...episodeFields];
/** Where the page says that some of the fields are. */
const said = (format: keyof Carriers, some: readonly { name: string; carried: Carriers }[]) =>
  some.flatMap(({ name, carried }) => {
    const carrier = carried[format];
    return carrier === null ? [] : [inSample(name, carrier)];
  });

describe("every field is where the page says", () => {
  const formats = Object.keys(carriers) as (keyof Carriers)[];
  it.each(formats)("%s", async (format) => {
    const { videoModes } = await datasetFormat(datasets[format]);
    const places: Set<string>[] = [];
    for (const mode of hasFfmpeg ? videoModes : videoModes.slice(0, 1))
      places.push(await carriers[format](mode));
    const others = said(
      format,
      fields.filter(({ name }) => !isPictures(name)),
    );
    expect(others.length).toBeGreaterThan(30);
    for (const there of places) expect(others.filter((one) => !there.has(one))).toEqual([]);
    if (!hasFfmpeg) return;
    const pictures = said(
      format,
      fields.filter(({ name }) => isPictures(name)),
    );
    expect(pictures.length).toBeGreaterThan(0);
    expect(pictures.filter((one) => !places.some((there) => there.has(one)))).toEqual([]);
  });
});
