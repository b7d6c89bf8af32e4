import type { ManifestPath } from "./document.ts";
import { dotted } from "./issues.ts";
import type { Problems } from "./problems.ts";
import type { MapText, SourceText } from "./schema.ts";

type EvidenceText = MapText["evidence"][number];
type Sources = ReadonlyMap<string, SourceText>;

/** What is wrong with one entry of maps, as far as the manifest alone can tell. */
export function checkMap(
  map: MapText,
  clocks: readonly string[],
  sources: Sources,
  path: ManifestPath,
  found: Problems,
): void {
  found.known("clock", map.from, clocks, [...path, "from"]);
  found.known("clock", map.to, clocks, [...path, "to"]);
  if (map.from === map.to) {
    found.add(
      "MANIFEST_MAP",
      [...path, "to"],
      `${dotted(path)} ties "${map.from}" to itself`,
      "name two clocks",
    );
  }
  const allConstant = map.evidence.every(({ kind }) => kind === "constant");
  if ((map.model === "linear" || map.model === "piecewise") && allConstant) {
    found.add(
      "MANIFEST_MAP",
      [...path, "model"],
      `${dotted(path)}: a ${map.model} model cannot come from constant evidence`,
      "write model: constant, or add marks",
    );
  }
  for (const [i, evidence] of map.evidence.entries()) {
    const own = [...path, "evidence", i];
    if (evidence.kind === "one-way") checkOneWay(map, evidence, sources, own, found);
    if (evidence.kind === "signals") {
      for (const side of ["from", "to"] as const)
        checkSignal(evidence[side], map[side], sources, [...own, side], found);
    }
  }
}

/** Maps between the same clocks are one, which has one model. */
export function checkModels(maps: readonly MapText[], found: Problems): void {
  for (const [i, map] of maps.entries()) {
    const first = maps.findIndex(
      ({ from, to, model }) => from === map.from && to === map.to && model !== "auto",
    );
    if (map.model === "auto" || maps[first]?.model === map.model) continue;
    found.add(
      "MANIFEST_MAP",
      ["maps", i, "model"],
      `maps[${i}].model is ${map.model}, and maps[${first}] between the same clocks has ${maps[first]?.model}`,
      "their evidence is used jointly: name one model",
    );
  }
}

function checkOneWay(
  map: MapText,
  evidence: EvidenceText & { kind: "one-way" },
  sources: Sources,
  path: ManifestPath,
  found: Problems,
): void {
  if (evidence.source === undefined) {
    for (const key of ["path", "columns"] as const) {
      if (evidence[key] !== undefined) continue;
      found.add(
        "MANIFEST_MISSING_KEY",
        [...path, key],
        `${dotted(path)} has no "${key}"`,
        "name a table by path and columns, or a source that has columns.arrival by source",
        "key",
      );
    }
    return;
  }
  for (const key of ["path", "columns", "time"] as const) {
    if (evidence[key] === undefined) continue;
    found.add(
      "MANIFEST_KEY_MISPLACED",
      [...path, key],
      `${dotted([...path, key])} does not go with source`,
      "name either a table by path and columns, or a source: its own columns and reading hold",
      "key",
    );
  }
  const at = [...path, "source"];
  if (!found.known("source", evidence.source, [...sources.keys()], at)) return;
  const source = sources.get(evidence.source)!;
  requireClock(evidence.source, source, map.from, at, found);
  if (source.kind !== "video" && source.columns.arrival !== undefined) return;
  found.add(
    "MANIFEST_EVIDENCE",
    at,
    `${dotted(at)} names "${evidence.source}", which has no column of arrivals`,
    source.kind === "video"
      ? "a video has presentation times only: name a table"
      : `add columns.arrival to sources.${evidence.source}: when each row arrived, on clock ${map.to}`,
  );
}

function checkSignal(
  signal: { source: string; tag: string },
  clock: string,
  sources: Sources,
  path: ManifestPath,
  found: Problems,
): void {
  const at = [...path, "source"];
  if (!found.known("source", signal.source, [...sources.keys()], at)) return;
  const source = sources.get(signal.source)!;
  requireClock(signal.source, source, clock, at, found);
  const isTable = source.kind !== "video" && source.kind !== "frames";
  if (isTable && source.shape !== "intervals") return;
  found.add(
    "MANIFEST_EVIDENCE",
    at,
    `${dotted(at)} names "${signal.source}", ${isTable ? "whose shape is intervals" : `a ${source.kind} source`}: it holds no signal`,
    "name a table of shape wide, long or events",
  );
}

function requireClock(
  name: string,
  source: SourceText,
  clock: string,
  path: ManifestPath,
  found: Problems,
): void {
  if (source.clock === clock) return;
  found.add(
    "MANIFEST_EVIDENCE",
    path,
    `${dotted(path)} names "${name}", which is on clock ${source.clock} and not on ${clock}`,
    "correct the clock of the source, or the from and to of the map",
  );
}
