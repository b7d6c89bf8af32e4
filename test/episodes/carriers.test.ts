import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } from "hyparquet";
import { afterAll, describe, expect, it } from "vitest";
import { type DatasetFormatName, datasetFormat } from "../../src/datasets/index.ts";
import { type Carriers, episodeFields, frameFields } from "../../src/episodes/index.ts";
import { contents } from "../datasets/hdf5/h5wasm.ts";
import { readIndexed } from "../datasets/mcap/readers.ts";
import { writeInto } from "../datasets/plant-set.ts";
import { sampleSet } from "./sample.ts";

const root = mkdtempSync(join(tmpdir(), "carriers-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A data set of the sample. */
async function written(format: DatasetFormatName, version?: string): Promise<string> {
  const dir = join(root, `${format}${version ?? ""}`);
  const { videoModes, write } = await datasetFormat(format);
  const options = { video: videoModes[0], ffmpeg: "ffmpeg", ...(version === undefined ? {} : { version }) };
  await write(await sampleSet({ hasCamera: false }), writeInto(dir).files, options);
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

async function lerobot(version: string, isThree: boolean): Promise<Set<string>> {
  const dir = await written("lerobot", version);
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

const carriers: Record<keyof Carriers, () => Promise<Set<string>>> = {
  lerobot: () => lerobot("3.0", true),
  groot: () => lerobot("2.1", false),
  async rlds() {
    const dir = await written("rlds");
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
  async mcap() {
    const dir = await written("mcap");
    const { channels, messages, metadata } = await readIndexed(join(dir, "episode_000001.mcap"));
    const paths = messages.flatMap(({ channelId, data }) =>
      within(channels.get(channelId)!.topic, pathsOf(JSON.parse(new TextDecoder().decode(data)))),
    );
    const records = Object.entries(metadata).flatMap(([name, facts]) =>
      within(`metadata ${name}`, Object.keys(facts)),
    );
    return new Set([...paths, ...records]);
  },
  async hdf5() {
    const dir = await written("hdf5");
    const paths = Object.keys(await contents(join(dir, "dataset.hdf5")));
    return new Set(paths.map((path) => path.replace(/^data\/demo_1\/?/, "")));
  },
  async table() {
    const dir = await written("parquet");
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

/** What stands for `<name>` and `<tag>` in the sample. */
function inSample(field: string, carrier: string): string {
  const context = field.endsWith("_valid") ? "safety_protocol_id" : "job_order_id";
  const tag = { "observation.state": "grip", action: "valve_open" }[field] ?? "gas_reading";
  return carrier.replace("<name>", context).replace("<tag>", tag);
}

describe("every field is where the page says", () => {
  it.each(Object.keys(carriers) as (keyof Carriers)[])("%s", async (format) => {
    const there = await carriers[format]();
    const fields = [...frameFields, ...episodeFields].filter(
      ({ name }) => name !== "videos" && name !== "observation.images.<camera>",
    );
    const said = fields.flatMap(({ name, carried }) => {
      const carrier = carried[format];
      return carrier === null ? [] : [inSample(name, carrier)];
    });
    expect(said.length).toBeGreaterThan(30);
    expect(said.filter((one) => !there.has(one))).toEqual([]);
  });
});
