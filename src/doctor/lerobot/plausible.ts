import { type Checkup, counted, Tally } from "../report.ts";
import type { SetData } from "./data.ts";
import { type Info, isInput } from "./info.ts";
import { mergeStatistics } from "./statistics.ts";

/** What loads, but is most likely not what was meant. */
export function checkPlausible(info: Info, data: SetData, checkup: Checkup): void {
  const [single, twice, constant] = [new Tally(), new Tally(), new Tally()];
  const seen = new Map<string, number>();
  for (const { index, file, length, digest, isConstant } of data.episodes) {
    const where = { file, episode: index };
    if (length === 1) single.add(where);
    else if (isConstant) constant.add(where);
    if (digest === undefined || length < 2) continue;
    const before = seen.get(digest);
    if (before === undefined) seen.set(digest, index);
    else twice.add(where, `it equals episode ${before}`);
  }
  const some = (check: string, tally: Tally, bad: string, good: string) =>
    checkup.judge(check, {
      tally,
      level: "WARN",
      bad: (count) => `${counted(count, "episode")} ${bad}`,
      good,
    });
  some("plausible.length", single, "of a single frame", "every episode has several frames");
  some("plausible.duplicates", twice, "with the numbers of another one", "no episode is there twice");
  some("plausible.change", constant, "in which no input ever changes", "inputs change in every episode");
  const still: string[] = [];
  for (const feature of info.features.filter(isInput)) {
    const known = data.episodes.flatMap(({ statistics }) => statistics.get(feature.name) ?? []);
    if (known.length === 0) continue;
    const { min, max } = mergeStatistics(known);
    if (data.rowsRead > 1 && min.every((least, at) => least === max[at])) still.push(feature.name);
  }
  if (still.length === 0) checkup.pass("plausible.variance", "every input changes somewhere");
  else
    checkup.warn(
      "plausible.variance",
      `no number of ${still.join(", ")} ever changes: training divides by its deviation of 0`,
      { feature: still[0] as string },
    );
}
