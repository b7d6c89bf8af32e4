import type { DataFrame } from "nodejs-polars";
import type { LoadedPeer, MissingPeer, Peer } from "./peer.ts";
import { isValid } from "./series.ts";
import type { Workload } from "./workloads.ts";

/** Polars' joinAsof over frames in its memory. It takes its number of threads from POLARS_MAX_THREADS, once a process. */
export async function polarsPeer(): Promise<Peer | MissingPeer> {
  try {
    const { default: pl } = await import("nodejs-polars");
    return {
      name: "Polars",
      version: pl.version,
      load: async (load) => loadFrames(pl, load),
      close: async () => {},
    };
  } catch {
    const { platform, arch } = process;
    const binary =
      platform === "linux"
        ? `linux-${arch}-gnu`
        : platform === "win32"
          ? `win32-${arch}-msvc`
          : `${platform}-${arch}`;
    return {
      name: "Polars",
      missing: `npm install --no-save nodejs-polars@0.26.1 nodejs-polars-${binary}@0.26.1`,
    };
  }
}

type Polars = typeof import("nodejs-polars")["default"];

function loadFrames(pl: Polars, load: Workload): LoadedPeer {
  const instants = (times: BigInt64Array) => pl.Series("t", times as never, pl.Int64);
  const groups = new Map<BigInt64Array, ReturnType<typeof instants>[]>();
  for (const [at, { times, values, validity }] of load.tags.slice(0, load.peerTags).entries()) {
    const column =
      validity === undefined
        ? values
        : Array.from(values, (value, i) => (isValid(validity, i) ? value : null));
    const series = pl.Series(`v${at}`, column as never, pl.Float64) as never;
    groups.set(times, [...(groups.get(times) ?? [instants(times)]), series]);
  }
  const left = pl.DataFrame([instants(load.frames)]);
  const right = [...groups.values()].map((columns) => pl.DataFrame(columns));
  let joined: DataFrame[] = [];
  return {
    runs: ({ kind, limitNs }) => {
      if (kind !== "backward") return [];
      const tolerance = limitNs === undefined ? {} : { tolerance: limitNs };
      const run = async () => {
        joined = right.map((one) => left.joinAsof(one, { on: "t", strategy: "backward", ...tolerance }));
        return undefined;
      };
      const values = async () =>
        joined.flatMap((one) =>
          one.columns.slice(1).map((name) => {
            const column = one.getColumn(name);
            return column.nullCount() === 0
              ? (column.toTypedArray() as Float64Array)
              : Float64Array.from(column.toArray() as (number | null)[], (value) => value ?? Number.NaN);
          }),
        );
      return [{ name: "Polars joinAsof", relative: 0, run, values }];
    },
    close: async () => void (joined = []),
  };
}
