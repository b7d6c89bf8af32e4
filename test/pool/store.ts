import type { AlignedTagInput, TagSpec } from "../../src/align/index.ts";
import type { TableTag } from "../../src/pool/index.ts";
import type { SampleStore, Samples, Values, WindowArrays, WindowRequest } from "../../src/samples.ts";

/** A store that hands out no more than a window needs. */
function storeOf({ times, values, status }: Samples): SampleStore {
  const severity = (i: number) => (status?.[i] ?? 0) >>> 30;
  const count = (end: number): [number, number, number] => {
    const counts: [number, number, number] = [0, 0, 0];
    for (let i = 0; i < end; i++) counts[Math.min(2, severity(i)) as 0 | 1 | 2]++;
    return counts;
  };
  return {
    shape: { type: values.type } as SampleStore["shape"],
    dictionary: values.type === "text" ? values.dictionary : [],
    counts: count(times.length),
    first: times[0],
    last: times.at(-1),
    placed: () => {
      throw new Error("not placed in these tests");
    },
    load({ from, to, beforeNs, quality }: WindowRequest, { allocate }: WindowArrays) {
      const keeps = (i: number) => quality === "raw" || severity(i) <= (quality === "good" ? 0 : 1);
      const kept = [...times.keys()].filter(keeps);
      const earliest = from - beforeNs;
      const before = kept.filter((i) => times[i]! <= earliest);
      const same = before.filter((i) => times[i] === times[before.at(-1)!]);
      const first = before.length < same.length + 64 ? 0 : before[before.length - same.length - 64]!;
      const after = kept.filter((i) => times[i]! > to);
      const last =
        after[0] === undefined
          ? times.length
          : after.filter((i) => times[i] === times[after[0]!]).at(-1)! + 1;
      const part = allocate.i64(last - first);
      part.set(times.subarray(first, last));
      return {
        times: part,
        values: sliced(values, first, last),
        ...(status !== undefined && { status: status.slice(first, last) }),
        skippedBefore: count(first),
      };
    },
  };
}

function sliced(values: Values, first: number, last: number): Values {
  switch (values.type) {
    case "text":
      return { ...values, codes: values.codes.slice(first, last) };
    case "list":
      throw new Error("lists are not windowed");
    case "number":
      return { type: "number", data: values.data.slice(first, last) };
    case "integer":
      return { type: "integer", data: values.data.slice(first, last) };
    case "boolean":
      return { type: "boolean", data: values.data.slice(first, last) };
  }
}

/** The tag with its samples in a store, where they can be. */
export function stored(tag: AlignedTagInput): TableTag {
  if ("intervals" in tag || tag.samples.values.type === "list") return tag;
  const { samples, ...spec } = tag;
  return { ...(spec as TagSpec), store: storeOf(samples) };
}
