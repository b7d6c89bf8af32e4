import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DoctorReport, examine, type Level, mend } from "../../src/doctor/index.ts";
import { camera, editJson, editParquet, writeSet } from "./lerobot-set.ts";

const ffmpeg = process.env.FFMPEG_PATH ?? "ffmpeg";
const hasFfmpeg = spawnSync(ffmpeg, ["-version"]).status === 0;
if (!hasFfmpeg) console.warn("skipped: the doctor's tests of videos need ffmpeg");

const rate = 30;
const lengths = [90, 60, 75];
const frames = 225;
const video = `videos/${camera}/chunk-000/file-000.mp4`;
const episodes = "meta/episodes/chunk-000/file-000.parquet";

let root: string;
let count = 0;
const clips = new Map<string, string>();

/** Makes a clip of moving pictures; the name keeps it for later. */
function clip(name: string, { of = frames, fps = String(rate), args = [] as string[] } = {}): string {
  const known = clips.get(name);
  if (known !== undefined) return known;
  const path = join(root, `${name}.mp4`);
  const source = `testsrc2=size=64x48:rate=${fps},noise=alls=20:allf=t`;
  const encode = ["-c:v", "libx264", "-g", "15", "-bf", "0", "-pix_fmt", "yuv420p", "-threads", "1"];
  const all = [
    "-v",
    "error",
    "-f",
    "lavfi",
    "-i",
    source,
    "-frames:v",
    String(of),
    ...encode,
    ...args,
    "-y",
    path,
  ];
  execFileSync(ffmpeg, all);
  clips.set(name, path);
  return path;
}

const starts = [0, 90, 150].map((frame) => frame / rate);
const places = (froms: readonly number[]) =>
  lengths.map((length, episode) => {
    const from = froms[episode]!;
    return { chunk: 0, file: 0, from, to: from + length / rate };
  });

async function makeSet(path: string, froms: readonly number[] = starts, file = video): Promise<string> {
  const dir = join(root, `set-${count++}`);
  await writeSet(dir, { lengths, rate, videos: places(froms) });
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  cpSync(path, join(dir, file));
  return dir;
}

const troubles = (report: DoctorReport) =>
  report.checks
    .filter(({ level }) => level !== "PASS")
    .map(({ check, level, message }) => `${level} ${check}: ${message}`);

/** The picture statistics that these sets leave out are told of; nothing else may be. */
const others = (report: DoctorReport) =>
  troubles(report).filter((one) => !one.startsWith("WARN statistics.pictures"));

function found(report: DoctorReport, check: string, level: Level): string {
  const some = report.checks.filter((one) => one.check === check && one.level === level);
  return some.map(({ message }) => message).join("\n") || troubles(report).join("\n");
}

describe.skipIf(!hasFfmpeg)("videos of a LeRobot set", () => {
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "tagalign-videos-"));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("pass where every frame is on the grid, with B-frames or without", async () => {
    for (const [name, args] of [
      ["plain", []],
      ["reordered", ["-bf", "2"]],
      ["fine", ["-video_track_timescale", "15360"]],
      ["coarse", ["-video_track_timescale", "30"]],
    ] as const) {
      const report = await examine(await makeSet(clip(name, { args: [...args] })));
      expect(others(report), name).toEqual([]);
      expect(found(report, "statistics.pictures", "WARN")).toMatch(/1 camera missing/);
      expect(found(report, "video.codec", "PASS")).toMatch(name === "reordered" ? /h264.*B-frames/ : /h264$/);
      expect(found(report, "video.times", "PASS")).toMatch(/225 frames/);
    }
  });

  it("fail as a whole where a file is missing or broken", async () => {
    const dir = await makeSet(clip("plain"));
    rmSync(join(dir, video));
    expect(found(await examine(dir), "files.video", "FAIL")).toMatch(/3 episodes missing/);
    writeFileSync(join(dir, video), "no video");
    expect(found(await examine(dir), "video.file", "FAIL")).toMatch(/1 video that ffprobe cannot read/);
  });

  it("fail at 29.97 frames a second that are declared as 30, from the third frame on", async () => {
    const report = await examine(await makeSet(clip("ntsc", { fps: "30000/1001" })));
    expect(found(report, "video.rate", "WARN")).toMatch(/29\.9700/);
    expect(found(report, "video.times", "FAIL")).toMatch(/frames that are off the asked time/);
    const times = report.checks.find(({ check }) => check === "video.times");
    expect(times?.where).toMatchObject({ episode: 0, frame: 3, feature: camera });
  });

  it("fail with times of whole milliseconds: two of three frames", async () => {
    const path = clip("ms", { args: ["-video_track_timescale", "1000"] });
    expect(found(await examine(await makeSet(path)), "video.times", "FAIL")).toMatch(/^150 frames/);
  });

  it("fail where the first picture is late", async () => {
    const report = await examine(await makeSet(clip("late", { args: ["-output_ts_offset", "0.5"] })));
    expect(found(report, "video.times", "FAIL")).toMatch(/^15 frames/);
    expect(found(report, "video.index", "FAIL")).toMatch(/^225 frames/);
  });

  it("fail where frames are not evenly spaced", async () => {
    const times = ["-vf", "settb=1/3000,setpts=N*100+20*mod(N\\,3)", "-fps_mode", "passthrough"];
    const args = [...times, "-enc_time_base", "1:3000", "-video_track_timescale", "3000"];
    expect(found(await examine(await makeSet(clip("uneven", { args }))), "video.times", "FAIL")).toMatch(
      /^150 frames/,
    );
  });

  it("fail where there are fewer pictures than frames", async () => {
    const report = await examine(await makeSet(clip("short", { of: 200 })));
    expect(found(report, "video.frames", "FAIL")).toMatch(
      /1 episode with more frames than pictures.*225.*200/,
    );
  });

  it("warn of a kind and of a distance of key frames that are not as stated", async () => {
    const dir = await makeSet(clip("sparse", { args: ["-g", "100"] }));
    editJson(join(dir, "meta/info.json"), (info) => {
      info.features[camera].info["video.codec"] = "av1";
      info.features[camera].info.has_audio = true;
    });
    const report = await examine(dir);
    expect(found(report, "video.codec", "WARN")).toMatch(/h264, but meta\/info\.json says av1/);
    expect(found(report, "video.audio", "WARN")).toMatch(/no sound/);
    expect(found(report, "video.key-frames", "WARN")).toMatch(/3\.30 s/);
  });

  it("fail with another size than the feature has", async () => {
    const dir = await makeSet(clip("plain"));
    editJson(join(dir, "meta/info.json"), (info) => {
      info.features[camera].shape = [64, 48, 3];
    });
    expect(found(await examine(dir), "video.size", "FAIL")).toMatch(/64 x 48/);
  });

  it("are told of where streaming readers would take the wrong one", async () => {
    const dir = await makeSet(clip("plain"));
    cpSync(join(dir, video), join(dir, video.replace("file-000", "file-001")));
    await editParquet(join(dir, episodes), {
      rows: (rows) =>
        rows.map((row, at) =>
          at < 2
            ? row
            : {
                ...row,
                [`videos/${camera}/file_index`]: 1n,
                [`videos/${camera}/from_timestamp`]: 0,
                [`videos/${camera}/to_timestamp`]: 2.5,
              },
        ),
    });
    expect(found(await examine(dir), "video.streaming", "WARN")).toMatch(/2 videos/);
  });

  describe("from_timestamp", () => {
    it.each([
      ["one frame late", [0, 91 / rate, 150 / rate], "video.overlap", /1 episode that share pictures/],
      ["10 us late", [0, 3.00001, 5], "episodes.from_timestamp", /from_timestamp 3\.00001, not 3/],
      ["0.33 ms late", [0, 3.00033, 5], "video.times", /60 frames that are off/],
      [
        "summed from durations",
        [0, 3.0123, 5.0241],
        "episodes.from_timestamp",
        /container durations are summed/,
      ],
      ["always 0", [0, 0, 0], "video.overlap", /2 episodes that share pictures/],
    ] as const)("that is %s is found and mended", async (_, froms, check, says) => {
      const dir = await makeSet(clip("plain"), froms);
      expect(found(await examine(dir), check, "FAIL")).toMatch(says);
      const report = await mend(dir);
      expect(others(report)).toEqual([]);
      expect(report.mended.join()).toMatch(/meta\/episodes/);
    });

    it("is put on the nearest frame where the video has others between, and left where none is near", async () => {
      const long = clip("long", { of: 300 });
      const near = await makeSet(long, [10 / rate, 110 / rate + 0.0004, 200 / rate]);
      expect(others(await mend(near))).toEqual([]);
      const unclear = await makeSet(long, [10 / rate, 110.5 / rate, 200 / rate]);
      expect(found(await mend(unclear), "episodes.from_timestamp", "FAIL")).toMatch(/is on no frame/);
    });

    it("may be in another order than the episodes", async () => {
      expect(others(await examine(await makeSet(clip("plain"), [135 / rate, 75 / rate, 0])))).toEqual([]);
    });
  });

  it("a wrong to_timestamp is found and mended", async () => {
    const dir = await makeSet(clip("plain"));
    await editParquet(join(dir, episodes), {
      rows: (rows) => rows.map((row) => ({ ...row, [`videos/${camera}/to_timestamp`]: 99 })),
    });
    expect(found(await examine(dir), "episodes.to_timestamp", "WARN")).toMatch(/3 episodes/);
    expect(others(await mend(dir))).toEqual([]);
  });

  it("that move while the state stays the same over 5 s are told of", async () => {
    const dir = join(root, "frozen");
    const still = (row: Record<string, unknown>, _: number, frame: number) =>
      frame > 20 && frame < 190 ? { ...row, "observation.state": [1, 2] } : row;
    await writeSet(dir, {
      lengths: [frames],
      rate,
      videos: [{ chunk: 0, file: 0, from: 0, to: 7.5 }],
      row: still,
    });
    mkdirSync(dirname(join(dir, video)), { recursive: true });
    cpSync(clip("plain"), join(dir, video));
    expect(others(await examine(dir)).join()).toMatch(/^WARN plausible\.frozen: 1 episode .* first: 5\.6 s$/);
  });

  it("need an ffprobe that runs", async () => {
    const dir = await makeSet(clip("plain"));
    await expect(examine(dir, { ffprobe: "/nowhere/ffprobe" })).rejects.toMatchObject({
      code: "SOURCE_FFPROBE",
    });
  });
});
