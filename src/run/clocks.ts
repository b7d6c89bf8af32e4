import { resolve } from "node:path";
import {
  buildClockGraph,
  type ClockEdge,
  type ClockMap,
  type ClockReport,
  clockReport,
  type Evidence,
  estimateClockMap,
  identityMap,
} from "../clock/index.ts";
import { AlignError, type ErrorPlace } from "../errors.ts";
import type { EvidenceSpec, Manifest, MapSpec, MarksEvidenceSpec } from "../manifest/index.ts";
import {
  cellText,
  emptyCounts,
  identifier,
  planTime,
  type Relation,
  readTimes,
  type TimeReading,
} from "../tables/index.ts";
import { parseDuration } from "../time.ts";
import type { Session } from "./session.ts";

/** The maps from every clock of the capture to its reference clock. */
export interface Clocks {
  /** Throws `CLOCK_NO_PATH` where no maps lead to the reference. */
  mapOf(clock: string): ClockMap;
  /** What report.json says of the clocks that were used, in the order of their first use. */
  reports(): ClockReport[];
  used(): ReadonlyMap<string, ClockMap>;
}

export async function readClocks(session: Session, manifest: Manifest): Promise<Clocks> {
  const edges: (ClockEdge & { spec: MapSpec })[] = [];
  for (const [index, spec] of manifest.maps.entries()) {
    const isTwin = manifest.maps.some(
      (other, at) => at < index && other.from === spec.from && other.to === spec.to,
    );
    const label = `${spec.from} -> ${spec.to}${isTwin ? ` (map ${index + 1})` : ""}`;
    session.progress("clocks", label, index, manifest.maps.length);
    const evidence: Evidence[] = [];
    for (const one of spec.evidence) evidence.push(await readEvidence(session, label, one));
    edges.push({ from: spec.from, to: spec.to, label, map: estimate(session, label, evidence, spec), spec });
  }
  const graph = inManifest(manifest, () => buildClockGraph(manifest.referenceClock, edges));
  const used = new Map<string, ClockMap>();
  const reports = new Map<string, ClockReport>();
  return {
    mapOf(clock) {
      const known = used.get(clock);
      if (known !== undefined) return known;
      if (clock === manifest.referenceClock) return identityMap();
      const { map, path } = inManifest(manifest, () => graph.mapToReference(clock));
      const specs = path.map((hop) => edges.find((edge) => edge.label === hop.label)?.spec);
      const models = [...new Set(specs.map((spec) => spec?.model ?? ""))].join(" + ");
      const kinds = [...new Set(specs.flatMap((spec) => spec?.evidence.map((one) => one.kind) ?? []))];
      used.set(clock, map);
      reports.set(
        clock,
        clockReport(map, { from: clock, to: manifest.referenceClock, model: models, evidence: kinds }),
      );
      return map;
    },
    reports: () => [...reports.values()],
    used: () => used,
  };
}

/** The clocks and their maps are the manifest's: an error names it. */
function inManifest<T>({ path }: Manifest, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (!(cause instanceof AlignError) || path === undefined) throw cause;
    throw placed(cause, { file: path, ...cause.where });
  }
}

function placed(cause: AlignError, where: ErrorPlace, hint = cause.hint): AlignError {
  const { code, message } = cause;
  return new AlignError(code as "CLOCK_", message, { where, ...(hint === undefined ? {} : { hint }), cause });
}

function estimate(session: Session, label: string, evidence: readonly Evidence[], spec: MapSpec): ClockMap {
  try {
    return estimateClockMap(evidence, { model: spec.model });
  } catch (cause) {
    if (!(cause instanceof AlignError)) throw cause;
    const path = spec.evidence.find((one) => one.kind === "marks")?.path;
    throw new AlignError(cause.code as "CLOCK_", `map ${label}: ${cause.message}`, {
      where: { ...(path === undefined ? {} : { file: resolve(session.base, path) }), ...cause.where },
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
  }
}

async function readEvidence(session: Session, label: string, spec: EvidenceSpec): Promise<Evidence> {
  if (spec.kind === "constant") {
    const { offsetNs: offset, uncertaintyNs: uncertainty } = spec;
    return uncertainty === undefined
      ? { kind: "constant", offset }
      : { kind: "constant", offset, uncertainty };
  }
  return readMarks(session, label, spec);
}

async function readMarks(session: Session, label: string, spec: MarksEvidenceSpec): Promise<Evidence> {
  const { from, to, uncertainty } = spec.columns;
  const relation = await session.table(`marks of ${label}`, { path: [spec.path] }, [from, to]);
  const readColumn = async (column: string, key: string) => {
    const unit = (await isWhole(session, relation, column)) ? ({ unit: "ns" } as const) : {};
    const plan = await planMarks(session, relation, column, { ambiguous: "reject", ...unit }, key);
    const [count] = await session.database.rows(`SELECT count(*) FROM ${relation.from}`, {});
    const read = await readTimes(
      session.database,
      relation,
      plan,
      relation.from,
      Number(count?.[0] ?? 0),
      emptyCounts(),
    );
    const missing = read.missing?.indexOf(1) ?? -1;
    if (missing < 0) return read.times;
    throw new AlignError("SOURCE_MARKS", `map ${label}: a mark has no "${column}" (${key})`, {
      where: { file: resolve(session.base, spec.path), row: missing },
      hint: "a mark is one instant on both clocks: fill both cells, or drop the row",
    });
  };
  // Marks have no `time` key of their own, so the usual hint would lead nowhere.
  const times = (column: string, key: string) =>
    readColumn(column, key).catch((cause: unknown) => {
      if (!(cause instanceof AlignError) || cause.code !== "SOURCE_TIME_ZONE") throw cause;
      throw new AlignError(cause.code, cause.message, {
        ...(cause.where === undefined ? {} : { where: cause.where }),
        hint: "write marks with Z or an offset, or as whole nanoseconds",
        cause,
      });
    });
  const marks = {
    kind: "marks" as const,
    from: await times(from, "columns.from"),
    to: await times(to, "columns.to"),
  };
  if (uncertainty === undefined) return marks;
  return { ...marks, uncertainty: await readUncertainty(session, relation, spec, uncertainty) };
}

/** Marks have no `time` key that a hint could speak of. */
async function planMarks(
  session: Session,
  relation: Relation,
  column: string,
  reading: TimeReading,
  key: string,
) {
  try {
    return await planTime(session.database, relation, column, reading, key);
  } catch (cause) {
    if (!(cause instanceof AlignError) || !cause.code.startsWith("SOURCE_TIME_")) throw cause;
    const hint = "a mark's times are ISO 8601 with Z or an offset, or whole nanoseconds";
    throw placed(cause, cause.where ?? {}, hint);
  }
}

/** Whether every cell is a whole number, then of ns, as a library user would give it. */
async function isWhole(session: Session, relation: Relation, column: string): Promise<boolean> {
  if (!relation.columns.has(column)) return false;
  const text = cellText(identifier(column));
  const [row] = await session.database.rows(
    `SELECT bool_and(regexp_full_match(${text}, '[+-]?[0-9]+')) FROM ${relation.from}`,
    {},
  );
  return row?.[0] === true;
}

/** One sigma a mark: whole ns, or text with a unit. */
async function readUncertainty(
  session: Session,
  relation: Relation,
  spec: MarksEvidenceSpec,
  column: string,
): Promise<BigInt64Array> {
  if (!relation.columns.has(column)) {
    throw new AlignError(
      "SOURCE_MISSING_COLUMN",
      `${spec.path} has no column "${column}" (columns.uncertainty)`,
      {
        where: { file: resolve(session.base, spec.path) },
        hint: `its columns are: ${[...relation.columns.keys()].join(", ")}`,
      },
    );
  }
  const rows = await session.database.rows(
    `SELECT ${cellText(identifier(column))} FROM ${relation.from}`,
    {},
  );
  return BigInt64Array.from(rows, ([cell], row) => {
    const text = String(cell ?? "");
    try {
      const sigma = /^[0-9]+$/.test(text) ? BigInt(text) : parseDuration(text);
      if (sigma >= 0n) return sigma;
    } catch (cause) {
      if (!(cause instanceof AlignError)) throw cause;
    }
    throw new AlignError(
      "SOURCE_MARKS",
      `uncertainty "${text}" is neither whole nanoseconds nor a duration`,
      {
        where: { file: resolve(session.base, spec.path), row },
        hint: 'write for example 5000000 or "5ms"',
      },
    );
  });
}
