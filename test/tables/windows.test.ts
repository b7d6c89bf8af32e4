import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { QualityRule, Samples, SampleWindow } from "../../src/samples.ts";
import { arrange } from "../../src/tables/arrange.ts";
import { BlockLog } from "../../src/tables/log.ts";
import { PlacedTrack, storeOfMember, storesOf } from "../../src/tables/series.ts";
import { Member, Track } from "../../src/tables/track.ts";
import { heap, wholeSamples } from "./room.ts";

const folder = mkdtempSync(join(tmpdir(), "windows-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A row in reading order. */
interface Row {
  time: number;
  status: number;
}

const statusCodes = [0, 0, 0, 0, 0x402, 0x4000_0000, 0x8000_0000];
const row = fc.record({
  time: fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 100 })),
  status: fc.constantFrom(...statusCodes),
});

/** Rows in any order, nearly in order, and in order; runs of bad ones are long. */
const rows = fc.oneof(
  fc.array(row, { maxLength: 40, size: "max" }),
  fc
    .tuple(fc.array(row, { maxLength: 200, size: "max" }), fc.constantFrom(0, 3), fc.boolean())
    .map(([all, late, isRun]) =>
      all
        .map((one, at) => ({ one, key: one.time + (at % 5) * late }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }, at) => (isRun && at > 20 && at < 120 ? { ...one, status: 0x8000_0000 } : one)),
    ),
);
const limits = fc.record({
  blockLength: fc.constantFrom(1, 2, 3, 8),
  slabBytes: fc.constantFrom(64, 128),
  memoryBytes: fc.constantFrom(0, 256, 1 << 20),
});

/** The rows as a track would be filled by a reader; values are the rows' numbers. */
function trackOf(read: readonly Row[], log: BlockLog): { track: Track; member: Member } {
  const member = new Member("number", 1);
  const track = new Track(log, [member], 1);
  for (const [at, { time, status }] of read.entries()) {
    const words = new Uint32Array(BigInt64Array.of(BigInt(time)).buffer);
    const place = track.put(words[0]!, words[1]!);
    member.set(place, { items: Float64Array.of(at), valid: null }, 0);
    member.setStatus(place, status, true);
  }
  return { track, member };
}

/** What a tag's samples are: in time order, stably, of one instant the last row unless equal times are kept. */
function naive(read: readonly Row[], keepsEqual: boolean): { row: number; time: number; status: number }[] {
  const sorted = read
    .map((one, at) => ({ ...one, row: at }))
    .sort((a, b) => a.time - b.time || a.row - b.row);
  return keepsEqual ? sorted : sorted.filter((one, at) => one.time !== sorted[at + 1]?.time);
}

function isKept(status: number, quality: QualityRule): boolean {
  return quality === "raw" || status >>> 30 <= (quality === "good" ? 0 : 1);
}

/** Samples as a join sees them: kept ones by their number among all kept ones of the tag, others without. */
interface Seen {
  time: number;
  row: number;
  number: number | undefined;
}

function seen(samples: Samples, before: number, quality: QualityRule): Seen[] {
  let number = before;
  if (samples.values.type !== "number") throw new Error("numbers were stored");
  const { data } = samples.values;
  return Array.from(samples.times, (time, at) => ({
    time: Number(time),
    row: data[at]!,
    number: isKept(samples.status?.[at] ?? 0, quality) ? number++ : undefined,
  }));
}

/** Everything that any join finds at a frame. */
function joined(all: readonly Seen[], frame: number, span: number, place: (time: number) => number) {
  const at = (time: number) => place(time);
  const kept = all.filter(({ number }) => number !== undefined);
  const backward = kept.findLast(({ time }) => at(time) <= frame);
  const forward = kept.find(({ time }) => at(time) >= frame);
  const after = kept.find(({ time }) => at(time) > frame);
  const next = backward === undefined ? undefined : kept[kept.indexOf(backward) + 1];
  const between = (from: Seen | undefined, to: Seen | undefined) =>
    from === undefined
      ? []
      : all
          .slice(all.indexOf(from) + 1, to === undefined ? undefined : all.indexOf(to))
          .filter((one) => one.number === undefined);
  const lastOfEqual = after && kept.findLast(({ time }) => at(time) === at(after.time));
  return {
    backward: backward?.number,
    isOutdated: between(backward, next).some(({ time }) => at(time) <= frame),
    forward: forward?.number,
    after: [after?.number, lastOfEqual?.number],
    isInterrupted: lastOfEqual !== undefined && between(backward, lastOfEqual).length > 0,
    first: backward === undefined ? after?.number : undefined,
    window: kept
      .filter(({ time }) => at(time) > frame - span && at(time) <= frame)
      .map(({ number }) => number),
  };
}

describe("a store", () => {
  it("holds the samples in time order, whatever the size of blocks and memory", () => {
    fc.assert(
      fc.property(rows, limits, fc.boolean(), (read, limit, keepsEqual) => {
        const log = new BlockLog(() => join(folder, `log-${files++}`), limit);
        const { track, member } = trackOf(read, log);
        const dropped: number[] = [];
        const count = arrange(track, keepsEqual, (position) => dropped.push(position));
        const store = storeOfMember(new PlacedTrack(track), member);
        const [samples] = wholeSamples([store]);
        const expected = naive(read, keepsEqual);
        expect(Array.from(samples!.times, Number)).toEqual(expected.map(({ time }) => time));
        expect(samples!.values).toEqual({
          type: "number",
          data: Float64Array.from(expected, (one) => one.row),
        });
        expect([...(samples!.status ?? expected.map(() => 0))]).toEqual(expected.map(({ status }) => status));
        expect(count).toBe(read.length - expected.length);
        const rest = read.map((_, at) => at).filter((at) => !expected.some((one) => one.row === at));
        expect(dropped.sort((a, b) => a - b)).toEqual(rest);
        const severities = [0, 1, 2].map(
          (one) => expected.filter(({ status }) => status >>> 30 === one).length,
        );
        expect(store.counts).toEqual(severities);
        const bounds = [expected[0], expected.at(-1)].map((one) => one && BigInt(one.time));
        expect([store.first, store.last]).toEqual(bounds);
        log.close();
      }),
      { numRuns: 600, seed: 3 },
    );
  });

  it("hands out windows in which every join finds what it finds among all samples, on any clock", () => {
    const range = fc.tuple(fc.integer({ min: -30, max: 130 }), fc.nat(40), fc.constantFrom(0, 1, 7, 30));
    const quality = fc.constantFrom<QualityRule>("good", "usable", "raw");
    // Two instants may become one, as a slow clock's do.
    const clock = fc.constantFrom<[number, number, number]>([1, 1, 0], [2, 1, 5], [2, 3, -4]);
    fc.assert(
      fc.property(
        rows,
        limits,
        fc.boolean(),
        range,
        quality,
        clock,
        (read, limit, keepsEqual, [from, length, span], rule, by) => {
          const log = new BlockLog(() => join(folder, `log-${files++}`), limit);
          const { track, member } = trackOf(read, log);
          arrange(track, keepsEqual);
          const [multiply, divide, add] = by;
          const place = (time: number) => Math.floor((time * multiply) / divide) + add;
          const own = storeOfMember(new PlacedTrack(track), member);
          const store =
            multiply === divide
              ? own
              : own.placed((times) => times.map((time) => BigInt(place(Number(time)))));
          const request = {
            from: BigInt(from),
            to: BigInt(from + length),
            beforeNs: BigInt(span),
            quality: rule,
          };
          const window: SampleWindow = store.load(request, { allocate: heap, shared: new Map() });
          const [good, uncertain, bad] = window.skippedBefore;
          const before = good + (rule === "good" ? 0 : uncertain) + (rule === "raw" ? bad : 0);
          const all = seen(wholeSamples([own])[0]!, 0, rule);
          const part = seen(window, before, rule);
          for (let frame = from; frame <= from + length; frame++) {
            const found = joined(part, frame, span, (time) => time);
            expect(found).toEqual(joined(all, frame, span, place));
            // Float sums begin at a whole block of 64 kept samples.
            const begin = Math.ceil(before / 64) * 64;
            for (const number of [...found.window, found.backward ?? begin])
              expect(number).toBeGreaterThanOrEqual(begin);
          }
          for (const [at, one] of part.entries()) {
            const match = all.find(({ row }) => row === one.row)!;
            expect(window.times[at]).toBe(BigInt(place(match.time)));
            expect(one.number).toBe(match.number);
          }
          log.close();
        },
      ),
      { numRuns: 800, seed: 4 },
    );
  });

  it("reads no more of a long series than a window needs, also from the file", () => {
    const read = Array.from({ length: 100_000 }, (_, time) => ({
      time,
      status: time % 2 === 0 ? 0 : 0x8000_0000,
    }));
    const log = new BlockLog(() => join(folder, `log-${files++}`), {
      blockLength: 256,
      slabBytes: 8192,
      memoryBytes: 65_536,
    });
    const { track, member } = trackOf(read, log);
    expect(arrange(track, false)).toBe(0);
    const store = storeOfMember(new PlacedTrack(track), member);
    for (const at of [0n, 30_000n, 99_000n]) {
      const window = store.load(
        { from: at, to: at + 500n, beforeNs: 0n, quality: "good" },
        { allocate: heap, shared: new Map() },
      );
      expect(window.times.length).toBeLessThan(500 + 6 * 256);
      expect(window.times.includes(at + 500n)).toBe(true);
    }
    log.close();
  });

  it("tells of a temporary file that cannot be written", () => {
    const log = new BlockLog(() => join(folder, "nowhere", "log"), { slabBytes: 64, memoryBytes: 0 });
    const cells = new Float64Array(8);
    expect(() => {
      for (let i = 0; i < 3; i++) log.append(cells, 8);
    }).toThrow(expect.objectContaining({ code: "OUTPUT_TEMPORARY" }));
  });

  it("of arrays in memory has every type, and lists whole", () => {
    const times = BigInt64Array.from({ length: 5000 }, (_, i) => BigInt(i));
    const columns = [
      { values: { type: "integer" as const, data: times.map((one) => one * 3n) } },
      { values: { type: "boolean" as const, data: Uint8Array.from(times, (one) => Number(one % 2n)) } },
      {
        values: {
          type: "text" as const,
          codes: Int32Array.from(times, (one) => Number(one % 3n)),
          dictionary: ["a", "b", "c"],
        },
      },
      {
        values: { type: "number" as const, data: Float64Array.from(times, Number) },
        status: new Uint32Array(5000).fill(0x402),
      },
      {
        values: {
          type: "list" as const,
          offsets: Int32Array.from({ length: 5001 }, (_, i) => i),
          items: { type: "integer" as const, data: times },
        },
      },
    ];
    const stores = storesOf(times, columns);
    const samples = wholeSamples(stores);
    for (const [at, { values, status }] of columns.entries()) {
      expect(samples[at]).toEqual(status === undefined ? { times, values } : { times, values, status });
    }
    expect(samples[1]!.times).toBe(samples[0]!.times);
    const moved = stores.map((store) => store.placed(shift));
    const arrays = { allocate: heap, shared: new Map() };
    const windows = moved.map((store) =>
      store.load({ from: 3000n, to: 3001n, beforeNs: 0n, quality: "good" }, arrays),
    );
    expect(windows[1]!.times).toBe(windows[0]!.times);
    expect(windows[0]!.times.length).toBeLessThan(5000);
    expect(windows[0]!.values).toMatchObject({ type: "integer" });
    const skipped = windows[0]!.skippedBefore[0];
    expect(windows[0]!.times[0]).toBe(BigInt(skipped) + 1000n);
    expect(stores.map(({ shape }) => shape.type)).toEqual(["integer", "boolean", "text", "number", "list"]);
  });
});

function shift(times: BigInt64Array): BigInt64Array {
  return times.map((time) => time + 1000n);
}
