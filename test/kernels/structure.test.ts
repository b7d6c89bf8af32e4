import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (name: string): string =>
  readFileSync(new URL(`../../build/${name}.wat`, import.meta.url), "utf8");

/** Functions that the optimiser leaves as calls; any other one means that something got out of hand. */
const callees = [
  "assembly/gather/gather<u32>",
  "assembly/gather/gather<u64>",
  "assembly/gather/gather<u8>",
  "assembly/interpolate/blendOne",
  "assembly/parquet/packGroups",
  "assembly/runs/countBefore",
  "assembly/runs/edges",
  "assembly/runs/passed",
  "assembly/scan/merge<u32>",
  "assembly/scan/merge<u64>",
  "assembly/window/foldLong<i64>",
  "assembly/window/foldRange<f64>",
  "assembly/window/foldRange<i64>",
];

describe.each(["kernels", "kernels.debug"])("the text of %s", (name) => {
  const text = read(name);

  it("imports the shared memory and nothing else", () => {
    const imports = text.match(/\(import .*/g) ?? [];
    expect(imports.map((line) => line.trim())).toEqual([
      '(import "env" "memory" (memory $0 1 65536 shared))',
    ]);
  });

  it("has no data segment, start function or mutable global, so that instances can share a memory", () => {
    for (const form of ["(data", "(start", "(mut ", "memory.grow", "call_indirect"]) {
      expect(text.includes(form), form).toBe(false);
    }
  });
});

describe("the release text", () => {
  const text = read("kernels");

  it("calls only the functions that are known to stay calls", () => {
    const called = new Set([...text.matchAll(/call \$([^\s)]+)/g)].map((match) => match[1]!));
    expect([...called].toSorted()).toEqual(callees);
  });

  it("uses two-lane and four-lane arithmetic", () => {
    for (const instruction of ["f64x2.mul", "i64x2.sub", "i32x4.splat", "i8x16.bitmask", "i32x4.bitmask"]) {
      expect(text, instruction).toContain(instruction);
    }
  });

  it("stays small", () => {
    const wasm = readFileSync(new URL("../../build/kernels.wasm", import.meta.url));
    expect(wasm.byteLength).toBeLessThan(32_768);
  });
});
