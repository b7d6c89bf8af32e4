import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { align, column, describeCapture, errorOf, expectTag, freshPath, int64s } from "./capture.ts";
import {
  backward,
  instant,
  lastOfEach,
  leastSquares,
  linear,
  nearest,
  readCsv,
  type Sample,
} from "./truth.ts";

interface Message {
  topic: string;
  payload: string;
  /** Local text without a zone: one hour ahead of UTC. */
  timestamp: string;
}

interface ProductionStep {
  id: string;
  type: string;
  state: string;
  command?: string;
  moduleType?: string;
  target?: string;
  startedAt: string;
  stoppedAt: string;
}

interface Order {
  type: string;
  productionSteps: ProductionStep[];
}

const hour = 3_600_000_000_000n;

describeCapture("orbis_fischertechnik/red_20251110", (folder) => {
  const messagesPath = join(folder, "messages.jsonl");
  const messages = readFileSync(messagesPath, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Message);
  const frames = readCsv(join(folder, "frames.csv"));
  const deviceTimes = frames.map((row) => instant(row[2] ?? ""));
  const receiveTimes = frames.map((row) => instant(row[3] ?? "") - hour);

  const orders = messages.filter(({ topic }) => topic === "ccu/order/completed").at(-1);
  const order = (JSON.parse(orders?.payload ?? "[]") as Order[]).find(({ type }) => type === "RED") as Order;
  const steps = order.productionSteps.map((step) => ({
    ...step,
    start: instant(step.startedAt),
    end: instant(step.stoppedAt),
  }));
  const stepAt = (time: bigint) => steps.find(({ start, end }) => start <= time && time < end);

  const stepsSource = `
  mes:
    kind: sql
    role: mes
    clock: plant
    shape: intervals
    columns: { start: started, end: stopped }
    query: |
      WITH completed AS (
        SELECT payload FROM read_json('${messagesPath}') WHERE topic = 'ccu/order/completed' ORDER BY "timestamp" DESC LIMIT 1
      ), orders AS (SELECT unnest(from_json(payload, '["JSON"]')) AS o FROM completed
      ), steps AS (SELECT unnest(from_json(o->'productionSteps', '["JSON"]')) AS s FROM orders WHERE o->>'type' = 'RED')
      SELECT s->>'startedAt' AS started, s->>'stoppedAt' AS stopped, s->>'type' AS type, s->>'command' AS command,
        s->>'moduleType' AS module, s->>'target' AS target FROM steps`;
  const stepTags = `
  step: { source: mes, tag: type, join: covering }
  command: { source: mes, tag: command, join: covering }
  module: { source: mes, tag: module, join: covering }
  steps: { source: mes, tag: type, join: covering, overlap: all }`;
  const manifest = (sources: string, tags: string, head = "clocks: { plant: {} }") => `
version: 1
capture: red-20251110
reference_clock: plant
${head}
sources:
${sources}
frames: camera
tags:${tags}
`;
  const table = (columnName: string, time = "", clock = "plant") =>
    `  camera: { kind: frames, role: camera, path: ${join(folder, "frames.csv")}, clock: ${clock}, columns: { time: ${columnName} }${time} }`;

  /** What the four step columns hold at these instants. */
  function stepTruth(times: readonly bigint[]) {
    const at = times.map(stepAt);
    return {
      step: at.map((step) => step?.type ?? null),
      command: at.map((step) => step?.command ?? null),
      module: at.map((step) => step?.moduleType ?? null),
      steps: at.map((step) => (step === undefined ? null : [step.type])),
      ages: at.map((step, row) => (step === undefined ? null : (times[row] as bigint) - step.start)),
      statuses: at.map((step) => (step === undefined ? 0x809b0000 : 0)),
    };
  }

  function expectSteps(
    columns: Awaited<ReturnType<typeof align>>["columns"],
    times: readonly bigint[],
  ): void {
    const truth = stepTruth(times);
    expect(int64s(columns, "frame_time")).toEqual(times);
    for (const name of ["step", "command", "module", "steps"] as const)
      expect(column(columns, name), name).toEqual(truth[name]);
    expect(column(columns, "step.age")).toEqual(truth.ages);
    expect(column(columns, "step.status")).toEqual(truth.statuses);
  }

  it("the recording is what it is known to be", () => {
    expect(frames).toHaveLength(411);
    expect(steps).toHaveLength(12);
    const delays = receiveTimes.map((time, row) => Number(time - (deviceTimes[row] as bigint)) / 1e6);
    expect(Math.min(...delays)).toBeGreaterThan(25);
    expect(Math.max(...delays)).toBeLessThan(408);
  });

  it("gives each frame its production step, by the camera's own times", async () => {
    const { columns } = await align(manifest(`${table("device_ts_utc")}${stepsSource}`, stepTags));
    expectSteps(columns, deviceTimes);
    const commands = column(columns, "command").filter((cell, row, all) => cell !== all[row - 1]);
    expect(commands.filter((cell) => cell !== null)).toEqual(
      steps.flatMap(({ command }) => (command === undefined ? [] : [command])),
    );
  });

  it("gives the same from the video, whose presentation times start at the first device time", async () => {
    const video = `  camera: { kind: video, path: ${join(folder, "video_mjpeg_copy.mkv")}, clock: plant, start: ${frames[0]?.[2]} }`;
    const { columns } = await align(manifest(`${video}${stepsSource}`, stepTags));
    expectSteps(columns, deviceTimes);
    expect(int64s(columns, "frame_pts")).toEqual(
      deviceTimes.map((time) => time - (deviceTimes[0] as bigint)),
    );
  });

  it("reads the receive times as local time, and finds the same steps an instant later", async () => {
    const { columns } = await align(
      manifest(
        `${table("rx_ts_local_cet_no_tz", ", time: { zone: Europe/Berlin }")}${stepsSource}`,
        stepTags,
      ),
    );
    expectSteps(columns, receiveTimes);
    const moved = deviceTimes.filter((time, row) => stepAt(time) !== stepAt(receiveTimes[row] as bigint));
    expect(moved.length).toBeLessThan(15);
  });

  it("refuses local times without a zone", async () => {
    const out = freshPath();
    const error = await errorOf(
      align(manifest(`${table("rx_ts_local_cet_no_tz")}${stepsSource}`, stepTags), { out }),
    );
    expect(error).toMatchObject({
      code: "SOURCE_TIME_ZONE",
      exitCode: 4,
      where: { source: "camera", row: 0 },
    });
    expect(error.hint).toContain("zone");
  });

  it("follows the controller's messages by the local times of their receipt", async () => {
    const source = `
  controller:
    kind: sql
    role: mes
    clock: plant
    columns: { time: received }
    time: { zone: Europe/Berlin }
    query: |
      WITH active AS (
        SELECT "timestamp" AS received, from_json(payload, '["JSON"]') AS orders
        FROM read_json('${messagesPath}', columns = { topic: 'VARCHAR', payload: 'VARCHAR', timestamp: 'VARCHAR' })
        WHERE topic = 'ccu/order/active')
      SELECT received, len(orders) AS orders, list_transform(
          list_filter(from_json(orders[1]->'productionSteps', '["JSON"]'), lambda s: s->>'state' = 'IN_PROGRESS'),
          lambda s: s->>'id').array_to_string(' ') AS running
      FROM active`;
    const { columns } = await align(
      manifest(
        `${table("rx_ts_local_cet_no_tz", ", time: { zone: Europe/Berlin }")}${source}`,
        `
  orders: { source: controller, tag: orders }
  running: { source: controller, tag: running }`,
      ),
    );
    const active = messages
      .filter(({ topic }) => topic === "ccu/order/active")
      .map(({ payload, timestamp }) => ({
        time: instant(timestamp) - hour,
        value: JSON.parse(payload) as Order[],
      }));
    expectTag(
      columns,
      "orders",
      backward(
        receiveTimes,
        lastOfEach(active.map(({ time, value }) => ({ time, value: BigInt(value.length) }))),
      ),
    );
    // An empty cell is no sample: while no step runs, the last one stays.
    const running = active.flatMap(({ time, value: [first] }) => {
      if (first === undefined) return [];
      const ids = first.productionSteps.filter(({ state }) => state === "IN_PROGRESS").map(({ id }) => id);
      return ids.length === 0 ? [] : [{ time, value: ids.join(" ") }];
    });
    expectTag(columns, "running", backward(receiveTimes, lastOfEach(running)));
  });

  it("reads the messages as they were written, each topic a tag", async () => {
    const topics = ["ccu/order/active", "/j1/txt/1/f/i/order", "module/v1/ff/SVR3QA0022/connection"];
    const source = `
  broker: { kind: jsonl, clock: plant, shape: long, columns: { time: timestamp, tag: topic, value: payload }, time: { zone: Europe/Berlin } }`;
    const tags = topics.map(
      (topic, k) => `
  topic_${k}: { source: broker, tag: ${topic}, type: text }`,
    );
    const { columns } = await align(
      manifest(
        `${table("rx_ts_local_cet_no_tz", ", time: { zone: Europe/Berlin }")}${source.replace("jsonl,", `jsonl, path: ${messagesPath},`)}`,
        tags.join(""),
      ),
    );
    for (const [k, topic] of topics.entries()) {
      const own = messages.filter((message) => message.topic === topic);
      const samples = own.map(({ timestamp, payload }) => ({
        time: instant(timestamp) - hour,
        value: payload,
      }));
      expectTag(columns, `topic_${k}`, backward(receiveTimes, lastOfEach(samples)));
    }
  });

  it("joins the sensors by their own stamps, retained messages included", async () => {
    const sensor = (name: string, select: string) => `
  ${name}:
    kind: sql
    role: sensor
    clock: plant
    columns: { time: ts }
    query: >
      SELECT payload->>'ts' AS ts, ${select} FROM read_json('${messagesPath}') WHERE topic = '/j1/txt/1/i/${name}'`;
    const number = (key: string) => `(payload->>'${key}')::DOUBLE AS ${key}`;
    const { columns } = await align(
      manifest(
        `${table("device_ts_utc")}${sensor("bme680", ["t", "h", "p"].map(number).join(", "))}${sensor("ldr", `(payload->>'ldr')::INTEGER AS ldr`)}`,
        `
  temperature: { source: bme680, tag: t, unit: Cel }
  temperature_stale: { source: bme680, tag: t, stale_after: 45s }
  humidity: { source: bme680, tag: h, join: linear }
  humidity_tight: { source: bme680, tag: h, join: linear, max_gap: 60450ms }
  pressure: { source: bme680, tag: p, join: nearest, tolerance: 20s }
  light: { source: ldr, tag: ldr, tolerance: 30s }`,
      ),
    );
    const samples = (topic: string, key: string): Sample<number>[] =>
      lastOfEach(
        messages
          .filter((message) => message.topic === `/j1/txt/1/i/${topic}`)
          .map(({ payload }) => JSON.parse(payload) as Record<string, number> & { ts: string })
          .map((payload) => ({ time: instant(payload.ts), value: payload[key] ?? null })),
      );
    const truths = {
      temperature: backward(deviceTimes, samples("bme680", "t")),
      temperature_stale: backward(deviceTimes, samples("bme680", "t"), { staleAfter: 45_000_000_000n }),
      humidity: linear(deviceTimes, samples("bme680", "h")),
      humidity_tight: linear(deviceTimes, samples("bme680", "h"), 60_450_000_000n),
      pressure: nearest(deviceTimes, samples("bme680", "p"), 20_000_000_000n),
    };
    for (const [name, truth] of Object.entries(truths)) expectTag(columns, name, truth);
    const light = backward(deviceTimes, samples("ldr", "ldr"), { tolerance: 30_000_000_000n });
    const whole = light.values.map((value) => (value === null ? null : BigInt(value)));
    expectTag(columns, "light", { ...light, values: whole });
    expect(new Set(truths.temperature_stale.statuses)).toEqual(new Set([0, 0x40900000]));
    expect(new Set(light.statuses)).toEqual(new Set([0, 0x809b0000]));
  });

  function clockManifest(model: string): string {
    const marks = `${freshPath()}-marks.csv`;
    const lines = frames.map((row) => `${row[2]},${row[3]}+01:00`);
    writeFileSync(marks, `device,received\n${lines.join("\n")}\n`);
    const maps = `clocks: { plant: {}, camera: {} }
maps:
  - from: camera
    to: plant
    model: ${model}
    evidence: [{ kind: marks, path: ${marks}, columns: { from: device, to: received } }]`;
    return manifest(`${table("device_ts_utc", "", "camera")}${stepsSource}`, stepTags, maps);
  }

  /** Sum of |receive time - map| over all marks, ns. */
  function deviation(mapped: readonly bigint[]): number {
    return mapped.reduce((sum, time, row) => sum + Math.abs(Number(receiveTimes[row]! - time)), 0);
  }

  it("a linear clock map of the marks is a line that late messages pull less than least squares", async () => {
    const { columns, report } = await align(clockManifest("linear"));
    const line = leastSquares(deviceTimes, receiveTimes);
    const times = int64s(columns, "frame_time");
    const plain = deviceTimes.map((time) => time + line.offset(time));
    expect(deviation(times)).toBeLessThan(deviation(plain));
    const sigmas = int64s(columns, "frame_uncertainty");
    deviceTimes.forEach((time, row) => {
      expect(Math.abs(Number(times[row]! - plain[row]!)), `frame ${row}`).toBeLessThan(10e6);
      expect(Number(sigmas[row]) / line.sigma(time), `sigma of frame ${row}`).toBeLessThanOrEqual(1);
    });
    expectSteps(columns, times);
    const [segment] = report.clocks[0]?.segments ?? [];
    expect(segment?.pairs).toBe(411);
    const [first, last] = [times[0]! - deviceTimes[0]!, times.at(-1)! - deviceTimes.at(-1)!];
    const driftPpb = (1e9 * Number(last - first)) / Number(deviceTimes.at(-1)! - deviceTimes[0]!);
    expect(segment?.drift_ppb).toBeCloseTo(driftPpb, 0);
    expect(int64s(columns, "frame_pts")).toEqual(
      deviceTimes.map((time) => time - (deviceTimes[0] as bigint)),
    );
  });

  it("a constant clock map of the marks is one offset between their median and their mean", async () => {
    const { columns } = await align(clockManifest("constant"));
    const { mean } = leastSquares(deviceTimes, receiveTimes);
    const offsets = int64s(columns, "frame_time").map((time, row) => time - deviceTimes[row]!);
    expect(new Set(offsets).size).toBe(1);
    const delays = receiveTimes.map((time, row) => Number(time - deviceTimes[row]!)).sort((a, b) => a - b);
    expect(Number(offsets[0])).toBeGreaterThan(delays[205]!);
    expect(Number(offsets[0])).toBeLessThan(Number(mean));
  });
});
