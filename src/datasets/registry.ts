import type { DatasetFormat } from "./format.ts";

/** Loaded when they are asked for: writers of containers and video are large. */
const formats = {
  lerobot: async () => (await import("./lerobot/index.ts")).lerobot,
  rlds: async () => (await import("./rlds/index.ts")).rlds,
  mcap: async () => (await import("./mcap/index.ts")).mcap,
  hdf5: async () => (await import("./hdf5/index.ts")).hdf5,
  parquet: async () => (await import("./table/index.ts")).parquet,
  arrow: async () => (await import("./table/index.ts")).arrow,
} satisfies Record<string, () => Promise<DatasetFormat>>;

export type DatasetFormatName = keyof typeof formats;

export const datasetFormatNames = Object.keys(formats) as DatasetFormatName[];

/** The writer of a format. */
export function datasetFormat(name: DatasetFormatName): Promise<DatasetFormat> {
  return formats[name]();
}
