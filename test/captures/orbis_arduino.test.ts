import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { estimateClockMap, fitClock } from "../../src/clock/index.ts";
import { align, describeCapture, expectTag, freshPath, writeFrames } from "./capture.ts";
import { backward, instant, instants, lastOfEach, leastSquares, nearest, type Sample } from "./truth.ts";

interface Message {
  topic: string;
  payload: string;
  timestamp: string;
}

describeCapture("orbis_fischertechnik/red-storage-production-nok_20260807_113739.log", (path) => {
  const messages = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.includes('"osf/arduino/'))
    .map((line) => JSON.parse(line) as Message)
    .map(({ topic, payload, timestamp }) => {
      const own = JSON.parse(payload) as { timestamp: string; temperature?: number; humidity?: number };
      return { topic, own, stamp: instant(own.timestamp), received: instant(timestamp) };
    });
  const of = (sensor: string) => messages.filter(({ topic }) => topic.includes(sensor));

  const stampsOf = (all: readonly { stamp: bigint; received: bigint }[]) => ({
    from: BigInt64Array.from(all, ({ stamp }) => stamp),
    to: BigInt64Array.from(all, ({ received }) => received),
  });

  it("a board that is 40 hours behind and loses time is put on the plant's clock by its other messages", async () => {
    const marks = of("mpu6050");
    const line = leastSquares(
      marks.map(({ stamp }) => stamp),
      marks.map(({ received }) => received),
    );
    expect(line.driftPpb / 1_000).toBeCloseTo(930, -1);
    expect(Number(line.mean) / 3.6e12).toBeCloseTo(40.26, 2);

    const marksPath = `${freshPath()}-marks.csv`;
    const text = marks.map(({ stamp, received }) => `${stamp},${received}`).join("\n");
    writeFileSync(marksPath, `board_ns,plant_ns\n${text}\n`);
    const frames = instants("2026-08-07T09:33:00Z", 3_000, 100_000_000n);
    const { columns } = await align(`
version: 1
capture: arduino
reference_clock: plant
clocks: { plant: {}, board: {} }
maps:
  - from: board
    to: plant
    model: linear
    evidence: [{ kind: marks, path: ${marksPath}, columns: { from: board_ns, to: plant_ns } }]
sources:
  camera: { kind: frames, path: ${writeFrames(frames)}, clock: plant, columns: { time: frame_ns }, time: { unit: ns } }
  dht11:
    kind: sql
    role: sensor
    clock: board
    columns: { time: stamp }
    query: >
      SELECT payload->>'timestamp' AS stamp, (payload->>'temperature')::DOUBLE AS temperature,
      (payload->>'humidity')::DOUBLE AS humidity
      FROM read_json('${path}', format = 'newline_delimited') WHERE topic LIKE '%dht11%'
frames: camera
tags:
  temperature: { source: dht11, tag: temperature, tolerance: 10s, unit: Cel }
  humidity: { source: dht11, tag: humidity, join: nearest, tolerance: 4s, unit: "%" }
`);
    // What the marks say of the board's clock is held by the tests of clocks; here it is the way to the table.
    const map = estimateClockMap({ kind: "marks", ...stampsOf(marks) }, { model: "linear" });
    expect(map.segments[0]!.driftPpb / 1_000).toBeCloseTo(line.driftPpb / 1_000, -2);
    const onPlant = map.apply(stampsOf(of("dht11")).from);
    const samples = (key: "temperature" | "humidity"): Sample<number>[] =>
      lastOfEach(of("dht11").map(({ own }, row) => ({ time: onPlant[row]!, value: own[key] ?? null })));
    const truths = {
      temperature: backward(frames, samples("temperature"), { tolerance: 10_000_000_000n }),
      humidity: nearest(frames, samples("humidity"), 4_000_000_000n),
    };
    for (const [tag, truth] of Object.entries(truths)) {
      expectTag<number>(columns, tag, truth);
      expect(truth.values.filter((value) => value !== null).length).toBeGreaterThan(2_000);
    }
  });

  it("all of the board's messages together say how far behind it is and how much it loses", () => {
    expect(messages).toHaveLength(585);
    const map = estimateClockMap({ kind: "one-way", ...stampsOf(messages) });
    expect(map.segments).toHaveLength(1);
    expect(map.segments[0]!.driftPpb / 1000).toBeCloseTo(930, -1);
    expect(Number(map.segments[0]!.offsetNs) / 3.6e12).toBeCloseTo(40.26, 2);
    expect(map.events.filter(({ kind }) => kind !== "gap")).toEqual([]);
  });

  it("heartbeats that repeat one stamp all session are stale, and move nothing beyond 2 sigma", () => {
    const station = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => /"module\/v1\/ff\/SVR4H73275\/(connection|instantAction)"/.test(line))
      .map((line) => JSON.parse(line) as Message)
      .map(({ topic, payload, timestamp }) => {
        const own = JSON.parse(payload) as { timestamp: string };
        return {
          isBeat: topic.endsWith("connection"),
          stamp: instant(own.timestamp),
          received: instant(timestamp),
        };
      });
    expect(station.filter(({ isBeat }) => isBeat)).toHaveLength(17);
    const { map, outcomes } = fitClock({ kind: "one-way", ...stampsOf(station) });
    const states = Array.from(outcomes[0]!.states);
    station.forEach(({ isBeat }, row) => {
      if (isBeat) expect(states[row], `row ${row}`).not.toBe(0);
    });
    expect(states.filter((state) => state === 2).length).toBeGreaterThanOrEqual(16);
    expect(map.events.some(({ kind }) => kind === "stale")).toBe(true);
    const actions = stampsOf(station.filter(({ isBeat }) => !isBeat));
    const without = estimateClockMap({ kind: "one-way", ...actions }).apply(actions.from);
    const withBeats = map.apply(actions.from);
    const sigmas = map.uncertainty(actions.from);
    withBeats.forEach((time, row) => {
      expect(Math.abs(Number(time - without[row]!)), `row ${row}`).toBeLessThan(2 * sigmas[row]!);
    });
  });

  it("a station of which nothing but one repeated stamp is known cannot be tied", () => {
    const beats = {
      from: new BigInt64Array(17).fill(5n),
      to: BigInt64Array.from({ length: 17 }, (_, i) => BigInt(i)),
    };
    expect(() => estimateClockMap({ kind: "one-way", ...beats })).toThrow(
      expect.objectContaining({ name: "AlignError" }),
    );
  });
});
