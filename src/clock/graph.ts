import { AlignError } from "../errors.ts";
import { formatDuration, formatInstant } from "../time.ts";
import { type ClockMap, identityMap } from "./map.ts";
import { INT64_MAX, INT64_MIN } from "./piece.ts";

/** A map between two clocks, under the name that messages and reports use for it. */
export interface ClockEdge {
  readonly from: string;
  readonly to: string;
  readonly map: ClockMap;
  readonly label: string;
}

/** The maps from a clock to the reference, in the order of their use. */
export type ClockPath = readonly { readonly label: string; readonly inverted: boolean }[];

export interface ClockGraph {
  /**
   * The map of a clock to the reference clock along the path of least variance.
   *
   * Throws `CLOCK_NO_PATH` where no maps lead there.
   */
  mapToReference(clock: string): { map: ClockMap; path: ClockPath };
}

/** A path from a clock to the root of its tree; costs are compared in this order. */
interface Route {
  readonly variance: number;
  readonly hops: readonly Hop[];
}

interface Hop {
  readonly edge: number;
  readonly inverted: boolean;
}

/** Differences that rounding and the linear parts of long paths may leave. */
const ALLOWANCE_NS = 1000;

/**
 * Ties clocks to a reference clock by maps in either direction.
 *
 * Of several paths the one with the smallest sum of variances, each map's at the middle of its evidence, is taken;
 * of equal ones that with fewer maps, then with earlier maps.
 * Every other map must agree with the chosen ones at the start, middle and end of its evidence within 3 sigma of
 * both sides and 1000 ns, else `CLOCK_CONTRADICTION`; this holds for clocks that do not reach the reference too.
 */
export function buildClockGraph(reference: string, edges: readonly ClockEdge[]): ClockGraph {
  const variances = edges.map(
    ({ map }) => map.uncertainty(BigInt64Array.of(evidenceTimes(map)[1]!))[0]! ** 2,
  );
  const routes = routesFrom(reference, edges, variances);
  const used = new Set(treeEdges(routes));
  const clocks = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  const trees = [routes];
  for (const clock of clocks) {
    if (trees.some((tree) => tree.has(clock))) continue;
    const tree = routesFrom(clock, edges, variances);
    trees.push(tree);
    for (const edge of treeEdges(tree)) used.add(edge);
  }
  edges.forEach((edge, i) => {
    if (!used.has(i)) requireAgreement(edges, edge, trees.find((tree) => tree.has(edge.from))!);
  });
  return {
    mapToReference(clock) {
      const route = routes.get(clock);
      if (route === undefined) throw noPath(clock, reference, routes, clocks);
      return { map: composeHops(edges, route.hops), path: pathOf(edges, route.hops) };
    },
  };
}

/** Dijkstra's shortest paths to a root; the cost of a path is its variance, then its length, then its edges. */
function routesFrom(
  root: string,
  edges: readonly ClockEdge[],
  variances: readonly number[],
): Map<string, Route> {
  const settled = new Map<string, Route>();
  const open = new Map<string, Route>([[root, { variance: 0, hops: [] }]]);
  while (open.size > 0) {
    const [clock, route] = [...open].reduce((best, entry) => (compare(entry[1], best[1]) < 0 ? entry : best));
    open.delete(clock);
    settled.set(clock, route);
    edges.forEach((edge, i) => {
      if (edge.from !== clock && edge.to !== clock) return;
      const inverted = edge.from === clock;
      const next = inverted ? edge.to : edge.from;
      if (settled.has(next)) return;
      const candidate: Route = {
        variance: route.variance + variances[i]!,
        hops: [{ edge: i, inverted }, ...route.hops],
      };
      const known = open.get(next);
      if (known === undefined || compare(candidate, known) < 0) open.set(next, candidate);
    });
  }
  return settled;
}

function compare(a: Route, b: Route): number {
  if (a.variance !== b.variance) return a.variance - b.variance;
  if (a.hops.length !== b.hops.length) return a.hops.length - b.hops.length;
  for (let i = a.hops.length - 1; i >= 0; i--) {
    const difference = a.hops[i]!.edge - b.hops[i]!.edge;
    if (difference !== 0) return difference;
  }
  return 0;
}

function treeEdges(routes: ReadonlyMap<string, Route>): number[] {
  return [...routes.values()].flatMap((route) => route.hops.slice(0, 1).map((hop) => hop.edge));
}

function requireAgreement(
  edges: readonly ClockEdge[],
  edge: ClockEdge,
  tree: ReadonlyMap<string, Route>,
): void {
  const hops = hopsBetween(tree, edge.from, edge.to);
  const around = composeHops(edges, hops);
  const limited = [edge.map, around].find((map) => !isTimeless(map)) ?? edge.map;
  const times = BigInt64Array.from(new Set(evidenceTimes(limited)));
  const [direct, indirect] = [edge.map.apply(times), around.apply(times)];
  const [sigmas, otherSigmas] = [edge.map.uncertainty(times), around.uncertainty(times)];
  times.forEach((time, i) => {
    const difference = direct[i]! - indirect[i]!;
    const allowedNs = 3 * Math.hypot(sigmas[i]!, otherSigmas[i]!) + ALLOWANCE_NS;
    if (Math.abs(Number(difference)) <= allowedNs) return;
    const detour = hops.length === 0 ? "the clock itself" : pathOf(edges, hops).map(nameHop).join(", ");
    throw new AlignError(
      "CLOCK_CONTRADICTION",
      `two ways from clock ${edge.from} to clock ${edge.to} differ by ${formatDuration(difference)}, ` +
        `more than the ${formatDuration(BigInt(Math.ceil(allowedNs)))} that their uncertainties allow: ` +
        `${edge.label}; and ${detour}`,
      {
        ...(isTimeless(limited) ? {} : { where: { time: formatInstant(time) } }),
        hint: contradictionHint(difference, allowedNs),
      },
    );
  });
}

const QUARTER_HOUR_NS = 900_000_000_000n;

/** The widest difference between two time zones: UTC-12 to UTC+14. */
const WIDEST_ZONES_NS = 26n * 4n * QUARTER_HOUR_NS;

/**
 * The nonzero multiple of 15 minutes that lies within `nearNs` of a difference of clocks and that two time zones could
 * make, ns; undefined where there is none, or where `nearNs` is so wide that any difference would do.
 */
export function quarterHourNear(differenceNs: bigint, nearNs: bigint): bigint | undefined {
  const size = differenceNs < 0n ? -differenceNs : differenceNs;
  const quarters = ((size + QUARTER_HOUR_NS / 2n) / QUARTER_HOUR_NS) * QUARTER_HOUR_NS;
  const rest = size > quarters ? size - quarters : quarters - size;
  if (quarters === 0n || quarters > WIDEST_ZONES_NS || rest > nearNs || 4n * nearNs > QUARTER_HOUR_NS)
    return undefined;
  return differenceNs < 0n ? -quarters : quarters;
}

function contradictionHint(difference: bigint, allowedNs: number): string {
  const quarters = quarterHourNear(difference, BigInt(Math.ceil(allowedNs)));
  if (quarters !== undefined) {
    return `${formatDuration(quarters)} is a whole number of quarter hours: it looks like a time zone that was misread, not like a clock; see time.zone of the sources and of the evidence`;
  }
  return "check the sign and unit of each offset (target minus source), or give the wrong map a larger uncertainty";
}

/** The way between two clocks of one tree: up from the first, down to the second, without the common part. */
function hopsBetween(tree: ReadonlyMap<string, Route>, from: string, to: string): Hop[] {
  const up = [...tree.get(from)!.hops];
  const down = [...tree.get(to)!.hops];
  while (up.length > 0 && up.at(-1)!.edge === down.at(-1)?.edge) {
    up.pop();
    down.pop();
  }
  const back = down.map((hop) => ({ ...hop, inverted: !hop.inverted }));
  return [...up, ...back.reverse()];
}

function composeHops(edges: readonly ClockEdge[], hops: readonly Hop[]): ClockMap {
  return hops
    .map(({ edge, inverted }) => (inverted ? edges[edge]!.map.inverse() : edges[edge]!.map))
    .reduce((map, next, i) => (i === 0 ? next : map.compose(next)), identityMap());
}

function pathOf(edges: readonly ClockEdge[], hops: readonly Hop[]): ClockPath {
  return hops.map(({ edge, inverted }) => ({ label: edges[edge]!.label, inverted }));
}

function nameHop({ label, inverted }: ClockPath[number]): string {
  return inverted ? `${label} inverted` : label;
}

/** Start, middle and end of a map's evidence; one instant where it holds for all time. */
function evidenceTimes(map: ClockMap): [bigint, bigint, bigint] {
  if (isTimeless(map)) return [0n, 0n, 0n];
  const start = map.segments[0]!.start;
  const end = map.segments.at(-1)!.end;
  return [start, start + (end - start) / 2n, end];
}

/** Whether the evidence of a map names no instants, but holds for all time. */
function isTimeless(map: ClockMap): boolean {
  return map.segments[0]!.start === INT64_MIN && map.segments.at(-1)!.end === INT64_MAX;
}

function noPath(
  clock: string,
  reference: string,
  routes: ReadonlyMap<string, Route>,
  clocks: ReadonlySet<string>,
): AlignError {
  const reached = [...routes.keys()].filter((name) => name !== reference);
  const known = reached.length === 0 ? "no clock does" : `these do: ${reached.join(", ")}`;
  const lone = clocks.has(clock) ? "" : `; no map names ${clock}`;
  return new AlignError(
    "CLOCK_NO_PATH",
    `no maps lead from clock ${clock} to ${reference}; ${known}${lone}`,
    {
      hint: `add a map from ${clock} to ${reference}, or to a clock that reaches it`,
    },
  );
}
