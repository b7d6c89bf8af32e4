import { createEngine, type Engine } from "../pool/index.ts";
import { version } from "../version.ts";
import type { LoadedPeer, Peer } from "./peer.ts";
import { isValid } from "./series.ts";
import type { JoinTask } from "./subject.ts";
import type { Workload } from "./workloads.ts";

const bad = 0x8000_0000;

/**
 * The engine's own `alignFrames` over columns in its memory: values alone, with the frame columns of its tables.
 *
 * @param threads how many join
 */
export async function enginePeer(threads: number): Promise<Peer> {
  return {
    name: "tagalign",
    version,
    load: async (load) => loadEngine(load, threads),
    close: async () => {},
  };
}

function loadEngine(load: Workload, threads: number): LoadedPeer {
  const engine = createEngine({ workers: threads });
  const frames = place(engine, load.frames);
  const placed = new Map<BigInt64Array, BigInt64Array>();
  const tags = load.tags.map(({ times, values, validity }) => {
    const own = placed.get(times) ?? place(engine, times);
    placed.set(times, own);
    const status = validity && Uint32Array.from(values, (_, i) => (isValid(validity, i) ? 0 : bad));
    return { times: own, values: place(engine, values), quality: "raw" as const, ...(status && { status }) };
  });
  const name = (at: number) => `tag_${at}`;
  const limits = ({ kind, limitNs }: JoinTask) => {
    if (limitNs === undefined) return {};
    return kind === "linear" ? { maxGap: BigInt(limitNs) } : { tolerance: BigInt(limitNs) };
  };
  return {
    runs: (task) => {
      const options = { join: task.kind, ...limits(task) };
      const asked = Object.fromEntries(tags.map((tag, at) => [name(at), { ...tag, ...options }]));
      let table: Awaited<ReturnType<Engine["alignFrames"]>> | undefined;
      return [
        {
          name: threads === 1 ? "alignFrames" : `alignFrames, ${threads} threads`,
          tags: tags.length,
          relative: 0,
          run: async () => {
            table = await engine.alignFrames({ frames, tags: asked, provenance: "none" });
            return undefined;
          },
          values: async () =>
            tags.map((_, at) => {
              const chunks = table?.getChild(name(at))?.data ?? [];
              const out = new Float64Array(frames.length);
              let start = 0;
              for (const { values, nullBitmap, nullCount, offset, length } of chunks) {
                for (let i = 0; i < length; i++) {
                  const isNull = nullCount > 0 && !isValid(nullBitmap ?? undefined, offset + i);
                  out[start + i] = isNull ? Number.NaN : values[i];
                }
                start += length;
              }
              return out;
            }),
        },
      ];
    },
    close: () => engine.close(),
  };
}

function place<T extends BigInt64Array | Float64Array>(engine: Engine, column: T): T {
  const own =
    column instanceof BigInt64Array
      ? engine.reserveInt64(column.length)
      : engine.reserveFloat64(column.length);
  own.set(column as never);
  return own as T;
}
