import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hdf5 } from "../../../src/datasets/hdf5/index.ts";
import type { VideoMode } from "../../../src/datasets/index.ts";
import type { Episode, EpisodeSet } from "../../../src/episodes/index.ts";
import { version } from "../../../src/version.ts";
import { openVideo, pictures } from "../../../src/video/index.ts";
import { intoFolder, plantSet } from "../rlds/plant-set.ts";
import { hasFfmpeg, pythonWith, runReader } from "../rlds/readers.ts";
import { contents } from "./h5wasm.ts";
import { below, type Expected, episodeTruth, one, oneAhead, pixels, setTruth, type Truth } from "./truth.ts";

const root = mkdtempSync(join(tmpdir(), "hdf5-"));
const wrist = join(root, "wrist.mp4");
const cameras = [
  { name: "wrist", path: wrist },
  { name: "head", path: "fixtures/gas-round/headcam.mp4" },
];
const places = ["videos/unit_3_round/wrist.mp4", "videos/unit_3_round/head.mp4"];
const sizes = [
  [54, 98],
  [216, 384],
] as const;
const lengths = [7, 1, 12, 3];
const h5py = pythonWith("h5py");

beforeAll(() => {
  if (hasFfmpeg) {
    const source = ["-f", "lavfi", "-i", "testsrc=size=98x54:rate=30:duration=1"];
    execFileSync("ffmpeg", ["-v", "error", ...source, "-pix_fmt", "yuv420p", "-y", wrist]);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

let written = 0;
async function write(set: EpisodeSet, layout: string, video: VideoMode = "images") {
  const dir = join(root, `set-${(written += 1)}`);
  const files = intoFolder(dir);
  await hdf5.write(set, files, { video, layout, ffmpeg: "ffmpeg" });
  return { dir, ...files };
}

async function decode(episode: Episode, camera: number, format: "jpeg" | "rgb24") {
  const { path, frames } = episode.videos[camera]!;
  const all: Uint8Array[] = [];
  for await (const one of pictures(await openVideo(path), frames, { ffmpeg: "ffmpeg", format }))
    all.push(one);
  return all;
}

async function robomimicTruth(set: EpisodeSet, video: VideoMode): Promise<Record<string, Truth>> {
  const truth: Truth = {
    ...below("data@", setTruth(set, version)),
    "data@total": one("23"),
    "data@env_args": one(JSON.stringify({ env_name: set.name, env_type: 0, type: 0, env_kwargs: {} })),
    "mask/train": { shape: [3], values: ["demo_0", "demo_1", "demo_2"] },
    "mask/valid": { shape: [1], values: ["demo_3"] },
  };
  for (const episode of set.episodes) {
    const { columns, shared, attributes } = await episodeTruth(set, episode, video === "copy" ? places : []);
    const { length, conformance } = episode;
    const demo: Truth = { ...shared };
    for (const [name, column] of Object.entries(columns)) {
      if (name.startsWith("observation.")) {
        demo[name.replace("observation.", "obs/")] = column;
        demo[name.replace("observation.", "next_obs/")] = oneAhead(column);
      }
    }
    if (columns.action !== undefined) demo.actions = columns.action;
    const last = (value: number) => [...new Array(length - 1).fill(0), value];
    const reward = (conformance?.result ?? "followed") === "followed" ? 1 : 0;
    demo.rewards = { shape: [length], values: last(reward) };
    demo.dones = { shape: [length], values: last(1).map(String) };
    for (const [camera, { name }] of video === "copy" ? [] : set.cameras.entries()) {
      const shown = await decode(episode, camera, "rgb24");
      const shape = [length, ...sizes[camera]!, 3];
      demo[`obs/${name}_image`] = pixels(shape, shown);
      demo[`next_obs/${name}_image`] = pixels(shape, [...shown.slice(1), shown.at(-1)!]);
    }
    Object.assign(truth, below(`data/demo_${episode.index}/`, demo));
    Object.assign(
      truth,
      below(`data/demo_${episode.index}@`, { ...attributes, num_samples: one(`${length}`) }),
    );
  }
  return { "dataset.hdf5": truth };
}

async function alohaTruth(set: EpisodeSet, video: VideoMode): Promise<Record<string, Truth>> {
  const files: Record<string, Truth> = {};
  for (const episode of set.episodes) {
    const { columns, shared, attributes } = await episodeTruth(set, episode, video === "copy" ? places : []);
    const [robot, plant] = [columns["observation.state"], columns["observation.environment_state"]];
    const file: Truth = {
      ...shared,
      ...below("@", { ...setTruth(set, version), ...attributes }),
      "@sim": one(false),
      "@compress": one(video === "images"),
      "@qpos_feature": one(robot === undefined ? "observation.environment_state" : "observation.state"),
      "observations/qpos": (robot ?? plant)!,
    };
    if (robot !== undefined && plant !== undefined) file["observations/environment_state"] = plant;
    if (columns.action !== undefined) file.action = columns.action;
    if (video === "images" && set.cameras.length > 0) {
      const lengths: string[] = [];
      for (const [camera, { name }] of set.cameras.entries()) {
        const jpegs = await decode(episode, camera, "jpeg");
        const width = Math.max(...jpegs.map((jpeg) => jpeg.length));
        const rows = jpegs.map((jpeg) => Buffer.concat([jpeg, new Uint8Array(width - jpeg.length)]));
        file[`observations/images/${name}`] = pixels([episode.length, width], rows);
        lengths.push(...jpegs.map((jpeg) => `${jpeg.length}`));
      }
      file.compress_len = { shape: [set.cameras.length, episode.length], values: lengths };
      file["@camera_names"] = { shape: [2], values: set.cameras.map(({ name }) => name) };
    } else if (video === "images") {
      file["@camera_names"] = { shape: [0], values: [] };
    }
    files[`episode_${episode.index}.hdf5`] = file;
  }
  return files;
}

const cases = [
  { layout: "robomimic", video: "images", truthOf: robomimicTruth },
  { layout: "robomimic", video: "copy", truthOf: robomimicTruth },
  { layout: "aloha", video: "images", truthOf: alohaTruth },
  { layout: "aloha", video: "copy", truthOf: alohaTruth },
] as const;

describe.each(cases)("$layout with $video", ({ layout, video, truthOf }) => {
  it.skipIf(!hasFfmpeg)("is read by the HDF5 library, every value (skipped without ffmpeg)", async () => {
    const set = plantSet({ lengths, cameras });
    const { dir } = await write(set, layout, video);
    for (const [name, truth] of Object.entries(await truthOf(set, video))) {
      const found: Record<string, Expected> = await contents(join(dir, name));
      expect(Object.keys(found).sort()).toEqual(Object.keys(truth).sort());
      for (const path of Object.keys(truth)) {
        const { sha256 } = truth[path]!;
        const { bytes, ...read } = found[path] as Expected & { bytes?: Uint8Array };
        expect(sha256 === undefined ? read : pixels(read.shape, [bytes!]), path).toEqual(truth[path]);
      }
    }
  });

  it.skipIf(!hasFfmpeg || h5py === undefined)(
    "is read by h5py as loaders do, every value (skipped where no Python has it)",
    async () => {
      const set = plantSet({ lengths, cameras });
      const { dir } = await write(set, layout, video);
      writeFileSync(join(dir, "truth.json"), JSON.stringify(await truthOf(set, video)));
      const { status, result, errors } = runReader(h5py!, "hdf5.py", [dir, join(dir, "truth.json")]);
      expect(result, errors).toMatchObject({ episodes: 4, frames: 23, failures: [], warnings: [] });
      expect(status).toBe(0);
    },
    60_000,
  );

  it.skipIf(!hasFfmpeg)("is the same bytes each time (skipped without ffmpeg)", async () => {
    const set = plantSet({ lengths, cameras });
    const [first, second] = [await write(set, layout, video), await write(set, layout, video)];
    expect(first.made).toEqual(second.made);
    for (const path of first.made) {
      expect(readFileSync(join(first.dir, path)).equals(readFileSync(join(second.dir, path))), path).toBe(
        true,
      );
    }
  });
});

describe("an HDF5 set", () => {
  it("without a robot's state has the plant's as qpos", async () => {
    const set = plantSet({ lengths, without: ["observation.state"] });
    const { dir, made } = await write(set, "aloha");
    const truth = await alohaTruth(set, "images");
    const found = await contents(join(dir, "episode_2.hdf5"));
    expect(found["observations/qpos"]).toMatchObject(truth["episode_2.hdf5"]!["observations/qpos"]!);
    expect(found["@qpos_feature"]).toMatchObject(one("observation.environment_state"));
    expect(made.at(-1)).toBe("dataset.json");
  });

  it("without actions says so and makes none up", async () => {
    const { dir, warnings } = await write(plantSet({ lengths, without: ["action"] }), "robomimic");
    expect(warnings.map(({ code }) => code)).toEqual(["ACTION_MISSING"]);
    expect(Object.keys(await contents(join(dir, "dataset.hdf5")))).not.toContain("data/demo_0/actions");
  });

  it("of many episodes holds every tenth out, and finds each by its name", async () => {
    const set = plantSet({ lengths: new Array(203).fill(2) });
    const { dir } = await write(set, "robomimic");
    const found = await contents(join(dir, "dataset.hdf5"), /^mask|num_samples$|start_time_ns$/);
    expect(found["mask/valid"]!.values).toHaveLength(20);
    expect(found["mask/valid"]!.values![3]).toBe("demo_39");
    for (const { index, startNs } of set.episodes) {
      expect(found[`data/demo_${index}@start_time_ns`]!.values).toEqual([`${startNs}`]);
    }
  });

  it.skipIf(h5py === undefined)(
    "can be edited, and the rest stays as it was (skipped where no Python has h5py)",
    async () => {
      const { dir } = await write(plantSet({ lengths: new Array(40).fill(2) }), "robomimic");
      const path = join(dir, "dataset.hdf5");
      const before = await contents(path);
      const edit = `
import h5py, sys
with h5py.File(sys.argv[1], "a") as file:
    file["data/demo_3/task"][0] = "edited"
    file["data/demo_7/obs/state"][:] = 5
    file["data/demo_9"].attrs["model_file"] = "model"
    file.create_group("data/demo_40").attrs["num_samples"] = 0
    del file["data/demo_5"]
`;
      execFileSync(h5py!, ["-c", edit, path]);
      const after = await contents(path);
      expect(after["data/demo_3/task"]!.values).toEqual(["edited", "Ventil öffnen"]);
      expect(after["data/demo_7/obs/state"]!.values).toEqual(new Array(6).fill(5));
      expect(after["data/demo_9@model_file"]!.values).toEqual(["model"]);
      expect(after["data/demo_40@num_samples"]!.values).toEqual(["0"]);
      const touched = /demo_(3\/task|7\/obs\/state|9@model_file|40@|5[@/])/;
      const untouched = (found: typeof before) =>
        Object.fromEntries(Object.entries(found).filter(([name]) => !touched.test(name)));
      expect(untouched(after)).toEqual(untouched(before));
    },
    30_000,
  );

  it("of one episode holds none out", async () => {
    const { dir } = await write(plantSet({ lengths: [3] }), "robomimic");
    const found = await contents(join(dir, "dataset.hdf5"), /^mask/);
    expect(found).toEqual({
      "mask/train": { shape: [1], values: ["demo_0"] },
      "mask/valid": { shape: [0], values: [] },
    });
  });
});
