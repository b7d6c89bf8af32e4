import { resolve } from "node:path";
import {
  buildClockGraph,
  type ClockGraph,
  type ClockMap,
  type Evidence,
  type EvidenceOutcome,
  fitClock,
} from "../../clock/index.ts";
import { AlignError, type ErrorPlace } from "../../errors.ts";
import type { EvidenceSpec, Manifest, MapSpec } from "../../manifest/index.ts";
import type { Session } from "../session.ts";
import { readEvidence } from "./evidence.ts";
import { warnOfZones } from "./zones.ts";

/** The map from one clock to another with what it was fitted from. */
export interface ClockFit {
  readonly from: string;
  readonly to: string;
  /** The map's name in messages, and in the paths of the graph. */
  readonly label: string;
  /** The model that was taken, never `auto`. */
  readonly model: string;
  /** Of the readings of `from`, the readings of `to`. */
  readonly map: ClockMap;
  /** Entry for entry the manifest's evidence, of all maps between the two; `EvidenceOutcome.entry` is a position here. */
  readonly evidence: readonly FittedEvidence[];
  readonly outcomes: readonly EvidenceOutcome[];
}

export interface FittedEvidence {
  readonly kind: EvidenceSpec["kind"];
  /** Where it is from, for people: paths, a source, two tags, or an offset. */
  readonly origin: string;
}

/** All maps of a manifest, and how they tie its clocks together. */
export interface ClockFits {
  /** In the manifest's order. */
  readonly fits: readonly ClockFit[];
  /** Tells each clock's map to the reference clock, and its path. */
  readonly graph: ClockGraph;
}

/**
 * Reads the evidence of every map, fits it, and ties the clocks together.
 *
 * @throws AlignError of the families SOURCE (exit 4) where evidence cannot be read, and CLOCK (exit 5) where it does not
 * make a map, or where maps contradict one another.
 */
export async function readClockFits(session: Session, manifest: Manifest): Promise<ClockFits> {
  const entries: Entry[] = [];
  for (const [index, spec] of manifest.maps.entries()) {
    const isTwin = manifest.maps.some((other, at) => at < index && isBetweenTheSame(other, spec));
    const label = `${spec.from} -> ${spec.to}${isTwin ? ` (map ${index + 1})` : ""}`;
    session.progress("clocks", label, index, manifest.maps.length);
    const evidence: Evidence[] = [];
    for (const one of spec.evidence) evidence.push(await readEvidence(session, manifest, label, one));
    entries.push({ spec, label, evidence });
  }
  const each = entries.map((entry) => fitEntry(session, entry));
  const graph = inManifest(manifest, () => buildClockGraph(manifest.referenceClock, each));
  const pairs = joined(entries);
  if (pairs.length === entries.length) return told(session, each, graph);
  // Maps between the same clocks have to agree as they are, and are then one.
  const fits = pairs.map((entry) => fitEntry(session, entry));
  return told(
    session,
    fits,
    inManifest(manifest, () => buildClockGraph(manifest.referenceClock, fits)),
  );
}

/** A map of the manifest and its evidence. */
interface Entry {
  readonly spec: MapSpec;
  readonly label: string;
  readonly evidence: readonly Evidence[];
}

function isBetweenTheSame(a: MapSpec, b: MapSpec): boolean {
  return a.from === b.from && a.to === b.to;
}

/** One entry for all maps from one clock to another; a model that one of them names holds for all. */
function joined(entries: readonly Entry[]): Entry[] {
  const firsts = entries.filter(
    ({ spec }, at) => entries.findIndex((entry) => isBetweenTheSame(entry.spec, spec)) === at,
  );
  return firsts.map((first) => {
    const alike = entries.filter(({ spec }) => isBetweenTheSame(first.spec, spec));
    const model = alike.find(({ spec }) => spec.model !== "auto")?.spec.model ?? "auto";
    return {
      label: first.label,
      spec: { ...first.spec, model, evidence: alike.flatMap(({ spec }) => spec.evidence) },
      evidence: alike.flatMap(({ evidence }) => evidence),
    };
  });
}

function told(session: Session, fits: readonly ClockFit[], graph: ClockGraph): ClockFits {
  for (const fit of fits) warnOfZones(session, fit);
  return { fits, graph };
}

function fitEntry(session: Session, { spec, label, evidence }: Entry): ClockFit {
  const { map, model, outcomes } = fitMap(session, label, evidence, spec);
  const origins = spec.evidence.map((one) => ({ kind: one.kind, origin: originOf(one) }));
  return { from: spec.from, to: spec.to, label, model, map, evidence: origins, outcomes };
}

function originOf(spec: EvidenceSpec): string {
  switch (spec.kind) {
    case "constant":
      return "the manifest";
    case "signals":
      return `${spec.from.source}.${spec.from.tag} and ${spec.to.source}.${spec.to.tag}`;
    default:
      return "source" in spec ? `source ${spec.source}` : spec.path.join(", ");
  }
}

function fitMap(session: Session, label: string, evidence: readonly Evidence[], spec: MapSpec) {
  try {
    return fitClock(evidence, { model: spec.model });
  } catch (cause) {
    if (!(cause instanceof AlignError)) throw cause;
    const { code, message, where, hint } = cause;
    throw new AlignError(code as "CLOCK_", `map ${label}: ${message}`, {
      where: { ...originPlace(session, spec, where), ...where },
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  }
}

/** The file or source of the entry that an error is about: the one that it names, else the first that is no constant. */
function originPlace(session: Session, { evidence }: MapSpec, where: ErrorPlace = {}): ErrorPlace {
  const named = /^evidence\[(\d+)\]/.exec(where.input ?? "")?.[1];
  const spec =
    named === undefined ? evidence.find(({ kind }) => kind !== "constant") : evidence[Number(named)];
  if (spec === undefined || spec.kind === "constant") return {};
  if (spec.kind === "signals") return { source: spec.from.source, tag: spec.from.tag };
  if ("source" in spec) return { source: spec.source };
  return spec.path.length === 1 ? { file: resolve(session.base, spec.path[0]!) } : {};
}

/** The clocks and their maps are the manifest's: an error names it. */
export function inManifest<T>({ path }: Manifest, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (!(cause instanceof AlignError) || path === undefined) throw cause;
    const { code, message, where, hint } = cause;
    throw new AlignError(code as "CLOCK_", message, {
      where: { file: path, ...where },
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  }
}
