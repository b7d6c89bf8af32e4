import fc from "fast-check";
import type { AlignedTagInput, Join, Quality, TagSpec, Values } from "../../src/align/index.ts";

const statuses = [0, 0, 0, 0x00000400, 0x40900000, 0x40a40000, 0x80000000, 0x809b0000, 0x80310000];
const extremes = [-(2n ** 63n), -(2n ** 63n) + 1n, 2n ** 63n - 2n, 2n ** 63n - 1n];

const instant = fc.oneof(
  { weight: 20, arbitrary: fc.bigInt(-5n, 60n) },
  { weight: 1, arbitrary: fc.constantFrom(...extremes) },
);
const duration = fc.oneof(
  { weight: 10, arbitrary: fc.bigInt(0n, 25n) },
  { weight: 1, arbitrary: fc.constant(2n ** 63n - 1n) },
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

export function instants(maxLength: number): fc.Arbitrary<bigint[]> {
  return fc.array(instant, { maxLength }).map((times) => times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Ages of more than 2^63 - 1 ns do not fit the age column, so those cases are left out. */
export function agesFit(frames: readonly bigint[], tags: readonly AlignedTagInput[]): boolean {
  const times = tags.flatMap((tag) => [...("intervals" in tag ? tag.intervals.starts : tag.samples.times)]);
  const all = [...frames, ...times];
  const [first, last] = [
    all.reduce((a, b) => (b < a ? b : a), 0n),
    all.reduce((a, b) => (b > a ? b : a), 0n),
  ];
  return last - first < 2n ** 63n;
}

const small = fc.integer({ min: -50, max: 50 });

function plainValues(length: number): fc.Arbitrary<Values> {
  const array = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: length, maxLength: length });
  return fc.oneof(
    numbers(length),
    integers(length),
    array(fc.integer({ min: 0, max: 1 })).map(
      (data): Values => ({ type: "boolean", data: Uint8Array.from(data) }),
    ),
    array(fc.integer({ min: 0, max: 2 })).map(
      (codes): Values => ({ type: "text", codes: Int32Array.from(codes), dictionary: ["RUN", "", "Stör"] }),
    ),
  );
}

function numbers(length: number): fc.Arbitrary<Values> {
  return fc
    .array(small, { minLength: length, maxLength: length })
    .map((data) => ({ type: "number", data: Float64Array.from(data, (v) => v + 0) }));
}

function integers(length: number): fc.Arbitrary<Values> {
  return fc
    .array(small, { minLength: length, maxLength: length })
    .map((data) => ({ type: "integer", data: BigInt64Array.from(data, BigInt) }));
}

function lists(length: number): fc.Arbitrary<Values> {
  return fc.array(fc.nat(3), { minLength: length, maxLength: length }).chain((lengths) => {
    const offsets = Int32Array.from([0, ...lengths]);
    for (let i = 1; i < offsets.length; i++) offsets[i]! += offsets[i - 1]!;
    return plainValues(offsets[length]!).map((items): Values => ({ type: "list", offsets, items }));
  });
}

const quality = fc.constantFrom<Quality>("good", "usable", "raw");

function spec(name: string, join: Join, staleAfterNs: bigint | undefined, quality: Quality): TagSpec {
  const metadata = { source: "plant", tag: name, role: "state", join: join.kind };
  return { name, join, quality, metadata, ...(staleAfterNs !== undefined && { staleAfterNs }) };
}

const asofJoin: fc.Arbitrary<Join> = fc
  .tuple(fc.constantFrom("backward" as const, "forward" as const, "nearest" as const), maybe(duration))
  .map(([kind, toleranceNs]) => ({ kind, ...(toleranceNs !== undefined && { toleranceNs }) }));

const linearJoin: fc.Arbitrary<Join> = fc
  .tuple(maybe(duration), fc.constantFrom("none" as const, "hold" as const), maybe(duration))
  .map(([maxGapNs, extrapolate, toleranceNs]) => ({
    kind: "linear",
    extrapolate,
    ...(maxGapNs !== undefined && { maxGapNs }),
    ...(extrapolate === "hold" && toleranceNs !== undefined && { toleranceNs }),
  }));

const span = fc.oneof(fc.constant("frame" as const), fc.bigInt(1n, 30n), fc.constant(2n ** 63n - 1n));
const anyAggregate = fc.constantFrom("count" as const, "first" as const, "last" as const);
const numericAggregate = fc.constantFrom("sum" as const, "mean" as const, "min" as const, "max" as const);

function windowJoin(aggregate: fc.Arbitrary<"count" | "sum" | "mean" | "min" | "max" | "first" | "last">) {
  return fc.tuple(span, aggregate).map(([span, aggregate]): Join => ({ kind: "window", span, aggregate }));
}

/** A tag of samples, with every join that its values allow. */
export function sampledTag(name: string): fc.Arbitrary<AlignedTagInput> {
  return instants(24).chain((list) => {
    const times = BigInt64Array.from(list);
    const n = times.length;
    const withValues = (join: fc.Arbitrary<Join>, values: fc.Arbitrary<Values>) => fc.tuple(join, values);
    const joined = fc.oneof(
      withValues(asofJoin, fc.oneof(plainValues(n), lists(n))),
      withValues(linearJoin, fc.oneof(numbers(n), integers(n))),
      withValues(windowJoin(anyAggregate), fc.oneof(plainValues(n), lists(n))),
      withValues(windowJoin(numericAggregate), fc.oneof(numbers(n), integers(n))),
    );
    return fc
      .tuple(joined, quality, maybe(duration), maybe(statusColumn(n)))
      .map(([[join, values], q, stale, status]) => {
        const staleAfterNs = join.kind === "window" ? undefined : stale;
        return {
          ...spec(name, join, staleAfterNs, q),
          samples: { times, values, ...(status && { status }) },
        };
      });
  });
}

/** A tag of intervals. */
export function coveringTag(name: string): fc.Arbitrary<AlignedTagInput> {
  return instants(16).chain((list) => {
    const starts = BigInt64Array.from(list);
    const n = starts.length;
    const open = 2n ** 63n - 1n;
    const ends = fc
      .array(fc.oneof(fc.bigInt(0n, 30n), fc.constant(open)), { minLength: n, maxLength: n })
      .map((lengths) =>
        BigInt64Array.from(lengths, (d, i) => (d === open || starts[i]! > open - d ? open : starts[i]! + d)),
      );
    const overlap = fc.constantFrom("latest" as const, "all" as const);
    return fc
      .tuple(ends, plainValues(n), overlap, quality, maybe(duration), maybe(statusColumn(n)))
      .map(([ends, values, overlap, q, stale, status]) => ({
        ...spec(name, { kind: "covering", overlap }, stale, q),
        intervals: { starts, ends, values, ...(status && { status }) },
      }));
  });
}

function statusColumn(length: number): fc.Arbitrary<Uint32Array> {
  return fc
    .array(fc.constantFrom(...statuses), { minLength: length, maxLength: length })
    .map((codes) => Uint32Array.from(codes));
}

export const tagList: fc.Arbitrary<AlignedTagInput[]> = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 3 })
  .chain((kinds) =>
    fc.tuple(...kinds.map((covers, i) => (covers ? coveringTag(`t${i}`) : sampledTag(`t${i}`)))),
  );
