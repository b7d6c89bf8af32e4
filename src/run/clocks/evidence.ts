import type { Evidence } from "../../clock/index.ts";
import { AlignError } from "../../errors.ts";
import type {
  EvidenceSpec,
  EvidenceTable,
  FramesSourceSpec,
  Manifest,
  MarksEvidenceSpec,
  OneWayTableSpec,
  TableSourceSpec,
  TwoWayEvidenceSpec,
} from "../../manifest/index.ts";
import { sortedPositions, takeTimes } from "../../tables/index.ts";
import type { Session } from "../session.ts";
import { warnOfCounts } from "../warnings.ts";
import {
  completeRows,
  type EvidenceColumn,
  type EvidenceRows,
  openRows,
  readInstants,
  readSpans,
  readTimeColumn,
  rowPlace,
} from "./columns.ts";
import { readSignals } from "./signals.ts";

/**
 * One entry of a map's evidence as the estimators take it, all in ns.
 *
 * @throws AlignError of family SOURCE where a table cannot be read, CLOCK where two signals show no lag
 */
export async function readEvidence(
  session: Session,
  manifest: Manifest,
  label: string,
  spec: EvidenceSpec,
): Promise<Evidence> {
  switch (spec.kind) {
    case "constant": {
      const { offsetNs: offset, uncertaintyNs: uncertainty } = spec;
      return { kind: "constant", offset, ...(uncertainty === undefined ? {} : { uncertainty }) };
    }
    case "marks":
      return readMarks(session, label, spec);
    case "two-way":
      return readProbes(session, label, spec);
    case "one-way":
      return "source" in spec
        ? readSourceStamps(session, manifest, spec.source)
        : readStamps(session, label, spec);
    case "signals":
      return readSignals(session, manifest, label, spec);
  }
}

async function readMarks(session: Session, label: string, spec: MarksEvidenceSpec): Promise<Evidence> {
  const { from, to, uncertainty } = spec.columns;
  const rows = await openTable(session, `marks of ${label}`, spec);
  const columns = [
    await readInstants(rows, from, spec.time, "columns.from"),
    await readInstants(rows, to, spec.time, "columns.to"),
  ];
  if (uncertainty !== undefined) {
    const sigmas = await readSpans(rows, uncertainty, spec.time, "columns.uncertainty");
    requirePositive(rows, sigmas, uncertainty);
    columns.push(sigmas);
  }
  const names = [from, to, uncertainty];
  for (const [at, { missing }] of columns.entries()) {
    const row = missing?.indexOf(1) ?? -1;
    if (row < 0) continue;
    throw new AlignError("SOURCE_EVIDENCE", `map ${label}: a mark has no "${names[at]}"`, {
      where: rowPlace(rows, row),
      hint: "a mark is one instant on both clocks: fill its cells, or drop the row",
    });
  }
  warnOfRows(rows);
  const [marksFrom, marksTo, sigmas] = columns.map(({ times }) => times) as Columns;
  return {
    kind: "marks",
    from: marksFrom,
    to: marksTo,
    ...(sigmas === undefined ? {} : { uncertainty: sigmas }),
  };
}

function requirePositive(rows: EvidenceRows, { times, missing }: EvidenceColumn, column: string): void {
  const row = times.findIndex((sigma, at) => sigma < 0n && missing?.[at] !== 1);
  if (row < 0) return;
  throw new AlignError("SOURCE_EVIDENCE", `${rows.relation.source}: ${column} ${times[row]} ns is negative`, {
    where: rowPlace(rows, row),
    hint: "an uncertainty is 1 sigma: 0 or more",
  });
}

async function readProbes(session: Session, label: string, spec: TwoWayEvidenceSpec): Promise<Evidence> {
  const { from, offset, round_trip } = spec.columns;
  const rows = await openTable(session, `probes of ${label}`, spec);
  const columns = [
    await readInstants(rows, from, spec.time, "columns.from"),
    await readSpans(rows, offset, spec.time, "columns.offset"),
    ...(round_trip === undefined ? [] : [await readSpans(rows, round_trip, spec.time, "columns.round_trip")]),
  ];
  const [times, offsets, roundTrip] = complete(rows, columns);
  return {
    kind: "two-way",
    from: times,
    offset: offsets,
    ...(roundTrip === undefined ? {} : { roundTrip }),
  };
}

async function readStamps(session: Session, label: string, spec: OneWayTableSpec): Promise<Evidence> {
  const { from, to } = spec.columns;
  const rows = await openTable(session, `stamps of ${label}`, spec);
  const columns = [
    await readInstants(rows, from, spec.time, "columns.from"),
    await readInstants(rows, to, spec.time, "columns.to"),
  ];
  const [stamps, arrivals] = complete(rows, columns);
  return { kind: "one-way", from: stamps, to: arrivals };
}

/** The stamps of a source's rows in the order of their arrival, which need not be that of the rows. */
async function readSourceStamps(session: Session, manifest: Manifest, name: string): Promise<Evidence> {
  const source = manifest.sources.get(name) as FramesSourceSpec | TableSourceSpec;
  const { time, arrival } = source.columns as { time: string; arrival: string };
  const place =
    source.kind === "sql"
      ? ({ kind: "sql", query: source.query } as const)
      : { path: source.path, ...(source.kind === "frames" ? {} : { kind: source.kind }) };
  const rows = await openRows(session, await session.table(name, place, [time, arrival]));
  const stamps = await readTimeColumn(rows, time, source.time, "columns.time");
  // What is noticed about the column of times is told when the source's samples are read.
  const ofArrivals = { ...rows, counts: { ...rows.counts, ambiguous: 0, nonexistent: 0, assumedUtc: [] } };
  const arrivals = await readTimeColumn(
    ofArrivals,
    arrival,
    source.arrival ?? source.time,
    "columns.arrival",
  );
  const [from, to] = complete(ofArrivals, [stamps, arrivals]);
  const positions = sortedPositions(to);
  if (positions === undefined) return { kind: "one-way", from, to };
  return { kind: "one-way", from: takeTimes(from, positions), to: takeTimes(to, positions) };
}

async function openTable(session: Session, name: string, spec: EvidenceTable & { columns: object }) {
  const columns = Object.values(spec.columns) as string[];
  return openRows(session, await session.table(name, { path: spec.path }, columns));
}

/** The rows without an empty cell; the others are counted. */
function complete(rows: EvidenceRows, all: readonly EvidenceColumn[]): Columns {
  const { columns, left, first } = completeRows(all);
  rows.session.warn(
    "INCOMPLETE_EVIDENCE",
    left,
    `row ${first}`,
    `${rows.relation.source}: ${left} ${left === 1 ? "row has an empty cell and is" : "rows have an empty cell and are"} no evidence`,
  );
  warnOfRows(rows);
  return columns as Columns;
}

type Columns = [first: BigInt64Array, second: BigInt64Array, third?: BigInt64Array];

function warnOfRows({ session, relation, counts }: EvidenceRows): void {
  warnOfCounts(session, relation.source, counts);
}
