import {
  type ClockMap,
  type ClockPath,
  type ClockReport,
  clockReport,
  identityMap,
} from "../../clock/index.ts";
import type { Manifest } from "../../manifest/index.ts";
import type { Session } from "../session.ts";
import { type ClockFit, type ClockFits, inManifest, readClockFits } from "./fits.ts";

/** The maps from every clock of the capture to its reference clock. */
export interface Clocks {
  /** Throws `CLOCK_NO_PATH` where no maps lead to the reference. */
  mapOf(clock: string): ClockMap;
  /** What report.json says of the clocks that were used, in the order of their first use. */
  reports(): ClockReport[];
  used(): ReadonlyMap<string, ClockMap>;
}

export async function readClocks(session: Session, manifest: Manifest): Promise<Clocks> {
  const fits = await readClockFits(session, manifest);
  const used = new Map<string, ClockMap>();
  const reports = new Map<string, ClockReport>();
  return {
    mapOf(clock) {
      const known = used.get(clock);
      if (known !== undefined) return known;
      if (clock === manifest.referenceClock) return identityMap();
      const { map, report } = tieToReference(manifest, fits, clock);
      used.set(clock, map);
      reports.set(clock, report);
      return map;
    },
    reports: () => [...reports.values()],
    used: () => used,
  };
}

/** A clock's map to the reference clock, the maps it is made of, and what a report says of it all; throws `CLOCK_NO_PATH`. */
export function tieToReference(
  manifest: Manifest,
  { fits, graph }: ClockFits,
  clock: string,
): { map: ClockMap; path: ClockPath; report: ClockReport } {
  const { map, path } = inManifest(manifest, () => graph.mapToReference(clock));
  const onPath = path.map((hop) => fits.find((fit) => fit.label === hop.label) as ClockFit);
  const model = [...new Set(onPath.map((fit) => fit.model))].join(" + ");
  const evidence = [...new Set(onPath.flatMap((fit) => fit.evidence.map(({ kind }) => kind)))];
  return {
    map,
    path,
    report: clockReport(map, { from: clock, to: manifest.referenceClock, model, evidence }),
  };
}
