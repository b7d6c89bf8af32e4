import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VideoMode } from "../../../src/datasets/index.ts";
import { rlds } from "../../../src/datasets/rlds/index.ts";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { openVideo, pictures } from "../../../src/video/index.ts";
import { naiveCrc32c, unmasked } from "./naive-crc.ts";
import { intoFolder, plantSet } from "./plant-set.ts";
import { decodeByProtoc, hasFfmpeg, hasProtoc, pythonWith, recordsOf, runReader } from "./readers.ts";
import { rldsTruth, type Truth } from "./truth.ts";

const root = mkdtempSync(join(tmpdir(), "rlds-"));
const head = "fixtures/gas-round/headcam.mp4";
const wrist = join(root, "wrist.mp4");
const lengths = [7, 1, 12, 3];
const tfds = pythonWith("tensorflow_datasets");

beforeAll(() => {
  if (hasFfmpeg) {
    const source = ["-f", "lavfi", "-i", "testsrc=size=98x54:rate=30:duration=1"];
    execFileSync("ffmpeg", ["-v", "error", ...source, "-pix_fmt", "yuv420p", "-y", wrist]);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

let written = 0;
async function write(set: EpisodeSet, video: VideoMode) {
  const dir = join(root, `set-${(written += 1)}`);
  const files = intoFolder(dir);
  await rlds.write(set, files, { video, ffmpeg: "ffmpeg" });
  return { dir, folder: join(dir, "unit_3_gas_round/1.0.0"), made: files.made };
}

const shardName = "unit_3_gas_round-train.tfrecord-00000-of-00001";

/** Holds what protoc reads of every example against the truth; pictures are left to others. */
function expectTruth(file: string, truth: readonly Truth[]) {
  const records = recordsOf(file);
  expect(records).toHaveLength(truth.length);
  records.forEach(({ data }, index) => {
    const lists = decodeByProtoc(data);
    expect([...lists.keys()].sort()).toEqual(Object.keys(truth[index]!).sort());
    for (const [key, values] of Object.entries(truth[index]!)) {
      const { kind, values: read } = lists.get(key)!;
      if (key.endsWith("_image")) continue;
      if (kind === "bytes") expect(read.map(String), key).toEqual(values);
      else if (kind === "float")
        expect(
          read.map((one) => Math.fround(Number(one))),
          key,
        ).toEqual(values);
      else
        expect(read, key).toEqual(values.map((one) => (typeof one === "boolean" ? `${Number(one)}` : one)));
    }
  });
}

describe("an RLDS set without cameras", () => {
  const set = plantSet({ lengths });

  it("has its records framed by length and sums", async () => {
    const { folder, made } = await write(set, "images");
    expect(made.map((path) => path.split("/").at(-1))).toEqual([
      shardName,
      "tagalign.json",
      "features.json",
      "dataset_info.json",
    ]);
    for (const { head: length, data, lengthSum, dataSum } of recordsOf(join(folder, shardName))) {
      expect(unmasked(lengthSum)).toBe(naiveCrc32c(length));
      expect(unmasked(dataSum)).toBe(naiveCrc32c(data));
    }
  });

  it("says in dataset_info.json what its shards hold", async () => {
    const { folder } = await write(set, "images");
    const info = JSON.parse(readFileSync(join(folder, "dataset_info.json"), "utf8"));
    const bytes = recordsOf(join(folder, shardName)).reduce((sum, { data }) => sum + data.length, 0);
    expect(info).toMatchObject({ name: "unit_3_gas_round", version: "1.0.0", fileFormat: "tfrecord" });
    expect(info.splits).toEqual([
      {
        filepathTemplate: "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        name: "train",
        numBytes: `${bytes}`,
        shardLengths: ["4"],
      },
    ]);
  });

  it.skipIf(!hasProtoc)("gives every value back through protoc (skipped without protoc)", async () => {
    const { folder } = await write(set, "images");
    expectTruth(join(folder, shardName), await rldsTruth(set, []));
  });

  it("is the same bytes each time", async () => {
    const [first, second] = [await write(set, "copy"), await write(set, "copy")];
    for (const path of first.made) {
      expect(readFileSync(join(first.dir, path)).equals(readFileSync(join(second.dir, path))), path).toBe(
        true,
      );
    }
  });
});

describe("an RLDS set with cameras", () => {
  const cameras = [
    { name: "head", path: head },
    { name: "wrist", path: wrist },
  ];

  it.skipIf(!hasProtoc || !hasFfmpeg)(
    "refers to frames of copied videos (skipped without protoc)",
    async () => {
      const set = plantSet({ lengths, cameras });
      const { dir, folder } = await write(set, "copy");
      const places = ["videos/unit_3_round/head.mp4", "videos/unit_3_round/wrist.mp4"];
      expectTruth(join(folder, shardName), await rldsTruth(set, places));
      for (const [camera, place] of places.entries()) {
        expect(readFileSync(join(dir, place)).equals(readFileSync(cameras[camera]!.path))).toBe(true);
      }
    },
  );

  it.skipIf(!hasProtoc || !hasFfmpeg)("holds a JPEG of every frame (skipped without ffmpeg)", async () => {
    const set = plantSet({ lengths, cameras });
    const { folder } = await write(set, "images");
    const sizes = [[216, 384, 3] as const, [54, 98, 3] as const];
    expectTruth(join(folder, shardName), await rldsTruth(set, sizes));
    const videos = await Promise.all(cameras.map(({ path }) => openVideo(path)));
    for (const [index, { data }] of recordsOf(join(folder, shardName)).entries()) {
      const lists = decodeByProtoc(data);
      for (const [camera, { name }] of cameras.entries()) {
        const { frames } = set.episodes[index]!.videos[camera]!;
        const expected: Uint8Array[] = [];
        const decoded = pictures(videos[camera]!, frames, { ffmpeg: "ffmpeg", format: "jpeg" });
        for await (const jpeg of decoded) expected.push(jpeg);
        const read = lists.get(`steps/observation/${name}_image`)!.values as Buffer[];
        expect(read.map((jpeg) => jpeg.toString("base64"))).toEqual(
          expected.map((jpeg) => Buffer.from(jpeg).toString("base64")),
        );
      }
    }
  });

  it.skipIf(!hasFfmpeg)("wants pictures of one size of each camera (skipped without ffmpeg)", async () => {
    const set = plantSet({ lengths, cameras: [cameras[0]!] });
    const mixed = {
      ...set,
      episodes: set.episodes.map((episode) => ({
        ...episode,
        videos: episode.videos.map((video) => (episode.index === 2 ? { ...video, path: wrist } : video)),
      })),
    };
    await expect(write(mixed, "images")).rejects.toMatchObject({ code: "SOURCE_PICTURE_SIZE" });
  });

  it.skipIf(tfds === undefined || !hasFfmpeg)(
    "is read by tensorflow-datasets, every value (skipped where PYTHON has none)",
    async () => {
      const set = plantSet({ lengths, cameras });
      for (const mode of ["copy", "images"] as const) {
        const { dir, folder } = await write(set, mode);
        const shown =
          mode === "copy"
            ? ["videos/unit_3_round/head.mp4", "videos/unit_3_round/wrist.mp4"]
            : [[216, 384, 3] as const, [54, 98, 3] as const];
        writeFileSync(join(dir, "truth.json"), JSON.stringify(await rldsTruth(set, shown)));
        const { status, result, errors } = runReader(tfds!, "rlds.py", [folder, join(dir, "truth.json")]);
        expect(result, errors).toMatchObject({ episodes: 4, frames: 23, failures: [], warnings: [] });
        expect(status).toBe(0);
      }
    },
    120_000,
  );
});
