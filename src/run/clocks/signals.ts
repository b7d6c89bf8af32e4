import { type Evidence, type Signal, signalLags } from "../../clock/index.ts";
import { AlignError } from "../../errors.ts";
import type { Manifest, SignalsEvidenceSpec, TableSourceSpec } from "../../manifest/index.ts";
import type { SampleStore } from "../../samples.ts";
import { formatInstant } from "../../time.ts";
import type { Session } from "../session.ts";
import { readSource } from "../tags.ts";
import { warnOfCounts } from "../warnings.ts";
import { inMemory } from "./uncertainty.ts";

/** Two signals as marks: one a stretch whose lag they show. */
export async function readSignals(
  session: Session,
  manifest: Manifest,
  label: string,
  spec: SignalsEvidenceSpec,
): Promise<Evidence> {
  const from = await readSignal(session, manifest, label, spec.from);
  const to = await readSignal(session, manifest, label, spec.to);
  const { chunks, ...marks } = lagsOf(from, to, label, spec);
  const left = chunks.filter(({ state }) => state !== "used");
  const outliers = left.filter(({ state }) => state === "outlier").length;
  session.warn(
    "SIGNALS_WITHOUT_LAG",
    left.length,
    left[0] === undefined ? null : formatInstant(left[0].from),
    `map ${label}: ${left.length} of ${chunks.length} stretches of ${spec.from.tag} and ${spec.to.tag} are no evidence: ${left.length - outliers} show no lag of their own, ${outliers} one that the others contradict`,
  );
  return { kind: "marks", from: marks.from, to: marks.to, uncertainty: marks.uncertainty };
}

function lagsOf(from: Signal, to: Signal, label: string, spec: SignalsEvidenceSpec) {
  try {
    return signalLags(from, to, spec.maxLagNs);
  } catch (cause) {
    if (!(cause instanceof AlignError)) throw cause;
    const { code, message, hint } = cause;
    throw new AlignError(code as "CLOCK_", `map ${label}: ${message}`, {
      where: { source: spec.from.source, tag: spec.from.tag },
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  }
}

/** The good samples of a tag as a signal: words count by where they change, two words or values as a switch. */
async function readSignal(
  session: Session,
  manifest: Manifest,
  label: string,
  { source: name, tag }: { source: string; tag: string },
): Promise<Signal> {
  const source = manifest.sources.get(name) as TableSourceSpec;
  const join = { kind: "backward" } as const;
  const read = await readSource(session, source, [{ name: tag, source: name, tag, join, quality: "good" }]);
  warnOfCounts(session, name, read.counts);
  const store = read.tags[0]!.data as SampleStore;
  const { times, values, status } = store.load(
    { from: store.first ?? 0n, to: store.last ?? 0n, beforeNs: 0n, quality: "good" },
    { allocate: inMemory, shared: new Map() },
  );
  if (values.type === "list") {
    throw new AlignError("SOURCE_EVIDENCE", `map ${label}: tag "${tag}" holds lists, which are no signal`, {
      where: { source: name, tag },
      hint: "name one element of them, for example name[3]",
    });
  }
  const good: number[] = [];
  for (let i = 0; i < times.length; i++) if ((status?.[i] ?? 0) >>> 30 === 0) good.push(i);
  const cells = values.type === "text" ? values.codes : values.data;
  const numbers = Float64Array.from(good, (i) => Number(cells[i]));
  const finite = good.filter((_, i) => Number.isFinite(numbers[i]!));
  const kept = numbers.filter((number) => Number.isFinite(number));
  const isSwitch = new Set(kept).size <= 2;
  return {
    times: BigInt64Array.from(finite, (i) => times[i]!),
    values: kept,
    isState: isSwitch || values.type === "text" || values.type === "boolean",
  };
}
