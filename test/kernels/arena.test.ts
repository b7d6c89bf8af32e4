import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Arena, bitmapBytes, Kernels, sharedKernels } from "../../src/kernels/index.ts";

describe("arena", () => {
  it("hands out aligned columns with 64 bytes behind each, and takes them back", () => {
    const arena = Arena.reserve(1);
    const mark = arena.mark();
    const columns = [arena.i64(3), arena.f64(1), arena.i32(17), arena.u32(0), arena.u8(64), arena.bitmap(65)];
    for (const [i, column] of columns.entries()) {
      expect(column.byteOffset % 64).toBe(0);
      expect(column.byteOffset).toBeGreaterThan(0);
      const next = columns[i + 1];
      if (next) expect(next.byteOffset - column.byteOffset - column.byteLength).toBeGreaterThanOrEqual(64);
    }
    expect(columns.map((column) => column.length)).toEqual([3, 1, 17, 0, 64, 16]);
    arena.release(mark);
    expect(arena.i64(1).byteOffset).toBe(columns[0]!.byteOffset);
  });

  it("pads bitmaps to whole words", () => {
    expect([0, 1, 64, 65].map(bitmapBytes)).toEqual([0, 8, 8, 16]);
  });

  it("copies arrays, parts of arrays and views of itself", () => {
    const arena = Arena.reserve(1);
    const copy = arena.copy(Float64Array.of(1, 2, 3).subarray(1));
    expect([...copy]).toEqual([2, 3]);
    const again = arena.copy(copy);
    copy[0] = 9;
    expect([...again]).toEqual([2, 3]);
  });

  it("says what does not fit, and what to do", () => {
    const arena = Arena.reserve(1);
    expect(() => arena.i64(10_000)).toThrow(
      expect.objectContaining({
        code: "USAGE_TOO_LARGE",
        message:
          "a column of 80000 bytes does not fit the kernel memory, which has 65472 of 65472 bytes left",
        hint: "align fewer frames or samples at a time",
      }),
    );
    expect(arena.i64(8).length).toBe(8);
  });

  it("refuses a mark that it never gave", () => {
    const arena = Arena.reserve(1);
    for (const mark of [0, 65, 128]) {
      expect(() => arena.release(mark)).toThrow(expect.objectContaining({ code: "BUG_ARENA_MARK" }));
    }
  });
});

describe("a region", () => {
  it("is handed out by another arena over the same memory, and stays within its bounds", () => {
    const whole = Arena.reserve(1);
    const region = whole.region(1_000);
    const behind = whole.u8(1).fill(7);
    const part = Arena.over(whole.memory, structuredClone(region));
    const start = part.mark();
    part.u8(800).fill(9);
    expect(() => part.u8(200)).toThrow(expect.objectContaining({ code: "USAGE_TOO_LARGE" }));
    expect(behind[0]).toBe(7);
    part.release(start);
    expect(new Uint8Array(whole.buffer)[part.u8(1).byteOffset]).toBe(9);
    expect(() => part.release(start - 64)).toThrow(expect.objectContaining({ code: "BUG_ARENA_MARK" }));
  });
});

describe("kernels", () => {
  it("carry the hash of their module", () => {
    const bytes = readFileSync(new URL("../../build/kernels.wasm", import.meta.url));
    expect(sharedKernels().sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(sharedKernels()).toBe(sharedKernels());
  });

  it("say how to get a missing module", () => {
    expect(() => Kernels.load({ wasm: "/nowhere/kernels.wasm", pages: 1 })).toThrow(
      expect.objectContaining({ code: "BUG_KERNELS_MISSING", hint: "npm run build:wasm", exitCode: 1 }),
    );
  });

  it("share one memory between instances", () => {
    const first = Kernels.load({ pages: 16 });
    const frames = first.arena.copy(BigInt64Array.of(1n, 5n, 9n));
    const index = first.arena.i32(3);
    const second = Kernels.load({ arena: first.arena });
    second.asof(frames, first.arena.copy(BigInt64Array.of(5n)), index, { direction: "backward" });
    expect([...index]).toEqual([-1, 0, 0]);
  });

  it("refuse columns of another memory, and columns that are too short", () => {
    const kernels = Kernels.load({ pages: 16 });
    const { arena } = kernels;
    const code = { code: "BUG_KERNEL_ARGUMENT" };
    const frames = arena.i64(70).fill(0n);
    const samples = arena.i64(1).fill(0n);
    const backward = { direction: "backward" } as const;
    expect(() => kernels.asof(frames, samples, new Int32Array(70), backward)).toThrow(
      expect.objectContaining(code),
    );
    expect(() => kernels.asof(frames, samples, arena.i32(69), backward)).toThrow(
      expect.objectContaining(code),
    );
    expect(() => kernels.matched(arena.i32(70), arena.u8(9))).toThrow(
      expect.objectContaining({ ...code, message: "validity has 9 entries, 16 are needed" }),
    );
    expect(() => kernels.asof(frames, samples, arena.i32(70), { ...backward, tolerance: -1n })).toThrow(
      expect.objectContaining(code),
    );
  });

  it("work above 2 GiB", () => {
    const kernels = Kernels.load();
    const { arena } = kernels;
    arena.u8(3 * 2 ** 30);
    const frames = arena.copy(BigInt64Array.from({ length: 100 }, (_, i) => BigInt(i)));
    const index = arena.i32(100);
    const validity = arena.bitmap(100);
    const matched = kernels.asof(frames, arena.copy(BigInt64Array.of(50n)), index, { direction: "backward" });
    expect(matched).toBe(50);
    expect(kernels.matched(index, validity)).toBe(50);
    const out = { values: arena.f64(100), validity };
    expect(kernels.gather(arena.copy(Float64Array.of(7)), undefined, index, out)).toBe(50);
    expect([...out.values.slice(48, 52)]).toEqual([0, 0, 7, 7]);
  });
});
