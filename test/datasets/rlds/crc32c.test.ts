import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/datasets/rlds/crc32c.ts";
import { naiveCrc32c } from "./naive-crc.ts";

describe("CRC-32C", () => {
  it("has the known check value", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array())).toBe(0);
  });

  it("is that of a bit-by-bit sum, at any offset", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(9), (bytes, skip) => {
        expect(crc32c(bytes.subarray(skip))).toBe(naiveCrc32c(bytes.subarray(skip)));
      }),
    );
  });

  it("goes on from the sum of what came before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, cut) => {
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
      }),
    );
  });
});
