import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromJSONSchema } from "zod";
import { mcap } from "../../../src/datasets/mcap/index.ts";
import type { EpisodeSet } from "../../../src/episodes/index.ts";
import { batchNumber, digests, frameTimeNs, plantSet, startNs, writeInto } from "../plant-set.ts";
import { diagnose } from "./doctor.ts";
import { onTopic, openIndexed, readIndexed, readStream } from "./readers.ts";

const room = mkdtempSync(join(tmpdir(), "mcap-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

const options = { video: "copy", ffmpeg: "ffmpeg" } as const;

async function write(name: string, set: EpisodeSet) {
  const dir = join(room, name);
  mkdirSync(dir);
  const target = writeInto(dir);
  await mcap.write(set, target.files, options);
  return { dir, path: join(dir, "episode_000000.mcap"), ...target };
}

describe.each([
  ["indexed", readIndexed],
  ["stream", readStream],
] as const)("through the %s reader", (name, read) => {
  it("every frame has its values, at its own instant", async () => {
    const set = plantSet();
    const { dir } = await write(`values-${name}`, set);
    for (const episode of set.episodes) {
      const found = await read(join(dir, `episode_00000${episode.index}.mcap`));
      const messages = onTopic(found, "/plant/values");
      expect(messages.map(({ logTime }) => logTime)).toEqual([...(await set.read(episode.index)).timeNs]);
      expect(messages.map(({ sequence }) => sequence)).toEqual(messages.map((_, at) => at));
      expect(messages.map(({ body }) => body.frame_index)).toEqual(messages.map((_, at) => at));
      expect(messages.map(({ body }) => body.frame_time_ns)).toEqual(
        messages.map(({ logTime }) => String(logTime)),
      );
      const { index, length } = episode;
      for (const [frame, { body }] of messages.entries()) {
        const nan = (isNan: boolean, value: number) => (isNan ? null : value);
        expect(body.values).toEqual({
          grip: { value: index + frame / 8, unit: "mm", valid: true, age_ns: 9_000_000, status: 0 },
          pressure: {
            value: nan(frame === 2, Math.fround(0.1 + frame)),
            unit: "bar",
            valid: frame !== 2,
            age_ns: frame === 2 ? 0 : 1_234_567 + frame,
            status: frame === 2 ? 0x809b0000 : 0,
          },
          levels: {
            value: [frame, nan(frame === 1, -frame === 0 ? 0 : -frame)],
            unit: "%",
            valid: frame !== 1,
            age_ns: 2,
            status: 0,
          },
          shared: { value: Math.fround(1e-30 * frame), unit: null, valid: true, age_ns: -5, status: 0x402 },
        });
        expect(body).toMatchObject({
          previous: {
            pressure: { value: nan(index === 0, 0.5), delta: nan(index === 0, frame), valid: index !== 0 },
          },
          pts_ns: Number((BigInt(frame) * 1_000_000_000n) / 30n),
          uncertainty_ns: 5000,
          flags: frame === 3 ? 1 : 0,
        });
      }
      const setpoints = onTopic(found, "/plant/setpoints");
      expect(setpoints.map(({ body }) => body.setpoints)).toEqual(
        Array.from({ length }, (_, frame) => ({
          valve: { value: frame % 2, unit: null, valid: true, age_ns: 7, status: 0 },
          shared: {
            value: frame === length - 1 ? null : Math.fround(1e-30 * (frame + 1)),
            unit: null,
            valid: frame !== length - 1,
            age_ns: String(batchNumber),
            status: 0,
          },
        })),
      );
    }
  });

  it("changes are messages where they show, and only there", async () => {
    const { path } = await write(`changes-${name}`, plantSet());
    const found = await read(path);
    const at = (frame: number) => frameTimeNs(0, frame);
    const bodies = (topic: string) =>
      onTopic(found, topic).map(({ logTime, body: { frame_index, frame_time_ns, ...body } }) => [
        logTime,
        frame_index,
        body,
      ]);
    expect(bodies("/task")).toEqual([
      [at(0), 0, { task_index: 0, task: "Check the line" }],
      [at(2), 2, { task_index: 1, task: "Write it down" }],
    ]);
    const order = (id: string | null) => ({
      context: { job_order_id: id, batch_number: String(batchNumber), density: 0.1 },
    });
    expect(bodies("/mes/order")).toEqual([
      [at(0), 0, order("PO-7")],
      [at(3), 3, order(null)],
      [at(4), 4, order("PO-7")],
    ]);
    const openedNs = at(0) - 1_000_000_000n;
    expect(bodies("/mes/step")).toEqual([
      [at(0), 0, { id: "open", text: "Open the valve", index: 0, start_time_ns: String(openedNs) }],
      [at(3), 3, { id: "read", text: "Read the detector", index: 1, start_time_ns: String(at(3)) }],
      [at(5), 5, { id: null, text: null, index: -1, start_time_ns: null }],
    ]);
    expect(bodies("/alarms")).toEqual([
      [at(0), 0, { name: "H2S high", state: "raised", active_count: 1, max_severity: 500 }],
      [at(1), 1, { name: "pump trip", state: "raised", active_count: 2, max_severity: 900 }],
      [at(3), 3, { name: "pump trip", state: "cleared", active_count: 1, max_severity: 500 }],
    ]);
  });

  it("publish times are those of the plant where it tells them", async () => {
    const { path } = await write(`published-${name}`, plantSet());
    const found = await read(path);
    // The newest sample of each frame is that of `shared`, 5 ns after the frame.
    expect(onTopic(found, "/plant/values").map(({ logTime, publishTime }) => publishTime - logTime)).toEqual(
      new Array(6).fill(5n),
    );
    expect(onTopic(found, "/mes/step").map(({ logTime, publishTime }) => publishTime - logTime)).toEqual([
      -1_000_000_000n,
      0n,
      0n,
    ]);
    expect(onTopic(found, "/task").every(({ logTime, publishTime }) => publishTime === logTime)).toBe(true);
  });

  it("metadata tells of the episode and of the set", async () => {
    const { path } = await write(`metadata-${name}`, plantSet());
    const { metadata, header } = await read(path);
    expect(header.profile).toBe("");
    expect(header.library).toMatch(/^tagalign \d/);
    expect(Object.keys(metadata)).toEqual(["episode", "tagalign"]);
    const { context, conformance, tasks, segments, ...plain } = metadata.episode!;
    expect(plain).toEqual({
      id: "refinery-3/gas-round#0",
      index: "0",
      capture: "refinery-3/gas-round",
      frames: "6",
      start_time_ns: String(frameTimeNs(0, 0)),
      end_time_ns: String(frameTimeNs(0, 5)),
      scene: "Unit 0",
    });
    expect(JSON.parse(context!)).toEqual({
      job_order_id: "PO-7",
      batch_number: String(batchNumber),
      density: 0.1,
    });
    expect(JSON.parse(tasks!)).toEqual(["Check the line", "Write it down"]);
    expect(JSON.parse(conformance!)).toMatchObject({ result: "deviated", missing: ["purge"] });
    expect(JSON.parse(segments!)[1]).toEqual({
      id: "read",
      text: "Read the detector",
      start_frame: 3,
      end_frame: 5,
      start_time_ns: String(frameTimeNs(0, 3)),
      end_time_ns: String(frameTimeNs(0, 5)),
    });
    expect(metadata.tagalign).toMatchObject({ name: "gas-round", fps: "30", timebase: "UTC ns (POSIX)" });
    expect(JSON.parse(metadata.tagalign!.provenance!)).toEqual({
      captures: [{ capture: "refinery-3/gas-round", manifest_sha256: "00" }],
    });
  });

  it("every message fits the schema of its channel", async () => {
    const { path } = await write(`schemas-${name}`, plantSet());
    const { channels, schemas, messages } = await read(path);
    const checks = new Map(
      [...channels.values()].map(({ id, schemaId, messageEncoding }) => {
        const { id: own, encoding, data } = schemas.get(schemaId)!;
        expect([own > 0, encoding, messageEncoding]).toEqual([true, "jsonschema", "json"]);
        return [id, fromJSONSchema(JSON.parse(Buffer.from(data).toString()))] as const;
      }),
    );
    expect(checks.size).toBe(6);
    for (const { channelId, data } of messages) {
      const body = JSON.parse(Buffer.from(data).toString()) as Record<string, unknown>;
      expect(checks.get(channelId)!.safeParse(body).error, JSON.stringify(body)).toBeUndefined();
      expect(checks.get(channelId)!.safeParse({ ...body, frame_time_ns: 5 }).success).toBe(false);
    }
  });
});

describe("mcap", () => {
  it("is sound by the doctor's examination, with all messages in chunks and in order of time", async () => {
    const set = plantSet({ lengths: [6000, 1] });
    const { dir } = await write("doctor", set);
    for (const [index, messages] of [
      [0, 12_011],
      [1, 5],
    ] as const) {
      const diagnosis = await diagnose(readFileSync(join(dir, `episode_00000${index}.mcap`)));
      expect(diagnosis).toEqual({ errors: [], warnings: [], messages });
    }
  });

  it("lets a stretch of time be read alone", async () => {
    const { path } = await write("range", plantSet({ lengths: [6000] }));
    const reader = await openIndexed(path);
    expect(reader.chunkIndexes.length).toBeGreaterThan(1);
    expect(new Set(reader.chunkIndexes.map(({ compression }) => compression))).toEqual(new Set(["zstd"]));
    const [startTime, endTime] = [frameTimeNs(0, 4000), frameTimeNs(0, 4009)];
    const found: bigint[] = [];
    for await (const { logTime } of reader.readMessages({ startTime, endTime, topics: ["/plant/values"] }))
      found.push(logTime);
    expect(found).toEqual(Array.from({ length: 10 }, (_, at) => frameTimeNs(0, 4000 + at)));
  });

  it("is the same bytes every time", async () => {
    const one = await write("once", plantSet());
    const two = await write("again", plantSet());
    expect(digests(two.dir)).toEqual(digests(one.dir));
    expect(Object.keys(digests(one.dir))).toHaveLength(4);
  });

  it("lists recordings in dataset.json, which comes last", async () => {
    const { dir, written, progress, warnings } = await write("index", plantSet());
    expect(written).toEqual([0, 1, 2].map((at) => `episode_00000${at}.mcap`).concat("dataset.json"));
    expect(progress).toEqual([
      [6, 11],
      [10, 11],
      [11, 11],
    ]);
    expect(warnings).toEqual([]);
    const about = JSON.parse(readFileSync(join(dir, "dataset.json"), "utf8")) as { episodes: unknown[] };
    expect(about).toMatchObject({ format: "mcap", fps: 30, total_frames: 11, cameras: [] });
    expect(about.episodes[1]).toMatchObject({
      path: "episode_000001.mcap",
      id: "refinery-3/gas-round#1",
      frames: 4,
      conformance: null,
      context: { job_order_id: 'PO "8"', batch_number: null, density: null },
      messages: { "/plant/values": 4, "/plant/setpoints": 4, "/task": 2 },
    });
  });

  it("puts frames in order of time where the clock goes back", async () => {
    const set = plantSet({ lengths: [4] });
    const offsets = [0n, 10n, 5n, 20n];
    const read: EpisodeSet["read"] = async (index) => ({
      ...(await set.read(index)),
      timeNs: BigInt64Array.from(offsets, (offset) => startNs + offset),
    });
    const { path } = await write("back", { ...set, read });
    const messages = onTopic(await readStream(path), "/plant/values");
    expect(messages.map(({ body }) => body.frame_index)).toEqual([0, 2, 1, 3]);
    expect((await diagnose(readFileSync(path))).warnings).toEqual([]);
  });

  it("refuses instants that it has no number for", async () => {
    const set = plantSet({ lengths: [2] });
    const read: EpisodeSet["read"] = async (index) => ({
      ...(await set.read(index)),
      timeNs: BigInt64Array.of(-180_000_000n, -1n),
    });
    await expect(write("before", { ...set, read })).rejects.toMatchObject({
      code: "OUTPUT_TIME",
      message: expect.stringContaining("-180000000 ns"),
      hint: expect.stringContaining("start"),
    });
  });

  it("has no channel without messages", async () => {
    const set = plantSet({ lengths: [2], features: plantSet().features.slice(0, 2) });
    const bare = { ...set, episodes: set.episodes.map((one) => ({ ...one, context: {} })) };
    const { path } = await write("bare", bare);
    const { channels } = await readIndexed(path);
    expect([...channels.values()].map(({ topic }) => topic)).toEqual(["/task", "/plant/values"]);
    expect(await diagnose(readFileSync(path))).toEqual({ errors: [], warnings: [], messages: 3 });
  });
});
