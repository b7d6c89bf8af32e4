import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { align, describeCapture, int64s } from "./capture.ts";
import { instant } from "./truth.ts";

interface Message {
  topic: string;
  payload: string;
  /** When the logger received it: local text without a zone, one hour ahead of UTC. */
  timestamp: string;
}

const hour = 3_600_000_000_000n;

/** Three devices that write into one log, each by its own clock. */
describeCapture("orbis_fischertechnik/red_20251110", (folder) => {
  const path = join(folder, "messages.jsonl");
  const messages = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Message);
  const devices = {
    camera: { topic: "/j1/txt/1/i/cam", key: "ts" },
    vehicle: { topic: "module/v1/ff/SVR4H73275/instantAction", key: "timestamp" },
    orders: { topic: "/j1/txt/1/f/i/order", key: "ts" },
  };
  /** Stamp and receipt of a device's messages. */
  const stampsOf = ({ topic, key }: { topic: string; key: string }) =>
    messages
      .filter((message) => message.topic === topic)
      .map(({ payload, timestamp }) => ({
        stamp: instant((JSON.parse(payload) as Record<string, string>)[key] ?? ""),
        received: instant(timestamp) - hour,
      }));

  const source = (name: keyof typeof devices, zone: string) => `
  ${name}:
    kind: sql
    shape: events
    clock: ${name}
    columns: { time: stamp, arrival: received }
    arrival: { zone: ${zone} }
    query: >
      SELECT payload->>'${devices[name].key}' AS stamp, "timestamp" AS received, length(payload) AS bytes
      FROM read_json('${path}', columns = { topic: 'VARCHAR', payload: 'VARCHAR', timestamp: 'VARCHAR' })
      WHERE topic = '${devices[name].topic}'`;
  const names = Object.keys(devices) as (keyof typeof devices)[];
  const manifest = (zone: string) => `
version: 1
capture: red-20251110
reference_clock: logger
clocks: { logger: , ${names.map((name) => `${name}: `).join(", ")} }
maps:${names.map((name) => `\n  - { from: ${name}, to: logger, evidence: [ { kind: one-way, source: ${name} } ] }`).join("")}
sources:
  frames: { kind: frames, path: ${join(folder, "frames.csv")}, clock: camera, columns: { time: device_ts_utc } }${names.map((name) => source(name, zone)).join("")}
frames: frames
tags:${names.map((name) => `\n  ${name}: { source: ${name}, tag: bytes }`).join("")}
`;

  it("puts each on the logger's clock by the stamps and receipts of its own messages", async () => {
    const { columns, report } = await align(manifest("Europe/Berlin"));
    expect(report.clocks.map(({ from, to, evidence }) => [from, to, evidence])).toEqual(
      names.map((name) => [name, "logger", ["one-way"]]),
    );
    for (const { from, segments } of report.clocks) {
      const delays = stampsOf(devices[from as keyof typeof devices]).map(
        ({ stamp, received }) => received - stamp,
      );
      const least = delays.sort((a, b) => Number(a - b))[0] ?? 0n;
      expect(
        segments.reduce((sum, { pairs }) => sum + pairs, 0),
        from,
      ).toBe(delays.length);
      for (const segment of segments) {
        const off = Number(segment.offset_ns - least) / 1e6;
        expect(Math.abs(off), `${from}: ms above the least delay`).toBeLessThan(25);
      }
    }
    // A frame is not earlier on the logger's clock than when it was made, nor later than when it was received.
    const camera = stampsOf(devices.camera);
    const sigmas = int64s(columns, "frame_uncertainty");
    int64s(columns, "frame_time").forEach((time, row) => {
      const { stamp, received } = camera[row]!;
      expect(Number(time - stamp) / 1e6).toBeGreaterThan(0);
      expect(Number(time - received)).toBeLessThan(4 * Number(sigmas[row]) + 1e6);
    });
    expect(report.warnings.filter(({ code }) => code.startsWith("CLOCK_"))).toEqual([]);
  });

  it("says that receipts read in the wrong zone look like it", async () => {
    const { report } = await align(manifest("UTC"));
    const warnings = report.warnings.filter(({ code }) => code === "CLOCK_LOOKS_LIKE_ZONE");
    expect(warnings).toHaveLength(3);
    for (const { message } of warnings) expect(message).toContain("from 1h, a whole number of quarter hours");
  });
});
