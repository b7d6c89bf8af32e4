import type { ExampleValues } from "./example.ts";

/** One value of features.json, as examples hold it. */
export interface Leaf {
  /** Path with `/`, such as `steps/observation/state`. */
  key: string;
  /** Values a step, or an example; undefined where it can be any number. */
  size: number | undefined;
  kinds: ExampleValues["kind"][];
  isStep: boolean;
}

interface FeatureJson {
  featuresDict?: { features?: Record<string, FeatureJson> };
  sequence?: { feature?: FeatureJson; length?: string };
  tensor?: TensorJson;
  scalar?: TensorJson;
  image?: object;
  text?: object;
  pythonClassName?: string;
}

interface TensorJson {
  shape?: { dimensions?: string[] };
  dtype?: string;
  encoding?: string;
}

/** The leaves of a tree of features; kinds that are not known are left out. */
export function leavesOf(json: unknown): Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (feature: FeatureJson | undefined, path: string, isStep: boolean): void => {
    if (feature === undefined || typeof feature !== "object") return;
    const below = (name: string) => (path === "" ? name : `${path}/${name}`);
    for (const [name, one] of Object.entries(feature.featuresDict?.features ?? {}))
      walk(one, below(name), isStep);
    const { sequence } = feature;
    if (sequence !== undefined) {
      const isSteps = /dataset_feature\.Dataset$/.test(feature.pythonClassName ?? "");
      if (isSteps) walk(sequence.feature, path, true);
      return;
    }
    const tensor = feature.tensor ?? feature.scalar;
    if (tensor !== undefined) leaves.push({ key: path, isStep, ...tensorLeaf(tensor) });
    else if (feature.image !== undefined || feature.text !== undefined)
      leaves.push({ key: path, size: 1, kinds: ["bytes"], isStep });
  };
  walk(json as FeatureJson, "", false);
  return leaves;
}

function tensorLeaf({ shape, dtype = "", encoding }: TensorJson): Pick<Leaf, "size" | "kinds"> {
  if (encoding !== undefined && encoding !== "none" && encoding !== "")
    return { size: undefined, kinds: ["bytes"] };
  const sides = (shape?.dimensions ?? []).map(Number);
  const size = sides.some((side) => side < 0)
    ? undefined
    : sides.reduce((product, side) => product * side, 1);
  if (dtype === "string" || dtype === "object") return { size, kinds: ["bytes"] };
  if (/^(b?float)\d+$/.test(dtype)) return { size, kinds: ["float"] };
  return { size, kinds: ["int64"] };
}
