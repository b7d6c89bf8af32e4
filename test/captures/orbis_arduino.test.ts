import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { align, column, describeCapture, freshPath, writeFrames } from "./capture.ts";
import {
  backward,
  firstDifference,
  instant,
  instants,
  lastOfEach,
  leastSquares,
  nearest,
  type Sample,
} from "./truth.ts";

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
    const samples = (key: "temperature" | "humidity"): Sample<number>[] =>
      lastOfEach(
        of("dht11").map(({ stamp, own }) => ({ time: stamp + line.offset(stamp), value: own[key] ?? null })),
      );
    const truths = {
      temperature: backward(frames, samples("temperature"), { tolerance: 10_000_000_000n }),
      humidity: nearest(frames, samples("humidity"), 4_000_000_000n),
    };
    for (const [tag, truth] of Object.entries(truths)) {
      expect(firstDifference(column(columns, tag), truth.values), tag).toBeUndefined();
      expect(firstDifference(column(columns, `${tag}.status`), truth.statuses), tag).toBeUndefined();
      // The line in whole numbers and the one in float64 round a nanosecond apart at most.
      column(columns, `${tag}.age`).forEach((age, row) => {
        const expected = truth.ages[row] ?? null;
        const off = age === null || expected === null ? 0n : (age as bigint) - expected;
        expect([off >= -1n && off <= 1n, age === null], `${tag} of frame ${row}`).toEqual([
          true,
          expected === null,
        ]);
      });
      expect(truth.values.filter((value) => value !== null).length).toBeGreaterThan(2_000);
    }
  });
});
