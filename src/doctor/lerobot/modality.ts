import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checkup, counted, Tally } from "../report.ts";
import { isRecord, sizeOf } from "./info.ts";
import type { LerobotSet } from "./set.ts";

const path = "meta/modality.json";

/** Parts of modality.json that cut a feature's numbers, and the feature that they cut unless they name another. */
const sliced = { state: "observation.state", action: "action" } as const;

/** Holds GR00T's names of slices, videos and annotations against the features, where a set has them. */
export async function checkModality({ root, info }: LerobotSet, checkup: Checkup): Promise<void> {
  const text = await readFile(join(root, path), "utf8").catch(() => undefined);
  if (text === undefined) return;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    checkup.fail("modality", `${path} is no JSON: ${(cause as Error).message}`, { file: path });
    return;
  }
  const tally = new Tally();
  const features = new Map(info.features.map((feature) => [feature.name, feature]));
  const entries = (part: string) => {
    const found = isRecord(raw) ? raw[part] : undefined;
    return Object.entries(isRecord(found) ? found : {}).map(
      ([name, value]) => [name, isRecord(value) ? value : {}] as const,
    );
  };
  const wrong = (feature: string, detail: string) => tally.add({ file: path, feature }, detail);
  for (const [part, key] of Object.entries(sliced))
    for (const [name, { start, end, original_key: original = key }] of entries(part)) {
      const feature = features.get(String(original));
      if (feature === undefined) wrong(name, `${part}.${name} cuts ${original}, which is missing`);
      else if (!(Number(start) >= 0 && Number(start) < Number(end) && Number(end) <= sizeOf(feature)))
        wrong(name, `${part}.${name} is ${start} to ${end} of ${sizeOf(feature)} numbers`);
    }
  for (const [name, { original_key: original = name }] of entries("video"))
    if (features.get(String(original))?.dtype !== "video")
      wrong(name, `video.${name} names ${original}, which is no video`);
  const annotations = entries("annotation");
  for (const [name, { original_key: original = `annotation.${name}` }] of annotations)
    if (!features.has(String(original))) wrong(name, `annotation.${name} has no column ${original}`);
  const known = new Set(
    annotations.map(([name, { original_key: original = `annotation.${name}` }]) => original),
  );
  for (const name of features.keys())
    if (name.startsWith("annotation") && !known.has(name))
      wrong(name, `${name} is in no annotation of ${path}`);
  checkup.judge("modality", {
    tally,
    bad: (count) => `${counted(count, "entry", "entries")} of ${path} against the features`,
    good: `${path} fits the features`,
  });
}
