import { resampled } from "../../episodes/index.ts";
import type { DatasetFormat } from "../format.ts";
import { writeVersion2 } from "./version-2.ts";
import { writeVersion3 } from "./version-3.ts";

/** LeRobotDataset, as version 3.0 or, for GR00T, as 2.1. */
export const lerobot: DatasetFormat = {
  videoModes: ["retime", "resample"],
  versions: ["3.0", "2.1"],
  async write(set, files, options) {
    const even = options.video === "resample" ? await resampled(set) : set;
    await (options.version === "2.1" ? writeVersion2 : writeVersion3)(even, files, options);
  },
};
