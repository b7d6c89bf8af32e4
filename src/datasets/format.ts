import type { EpisodeSet, Json } from "../episodes/index.ts";

/**
 * What becomes of the pictures.
 *
 * `retime`: packets are stamped anew on the frame grid, without encoding; `copy`: the capture's file as it is, with
 * references to its frames; `resample`: encoded anew on the frame grid; `images`: decoded pictures inside the records.
 */
export type VideoMode = "retime" | "copy" | "resample" | "images";

export interface FormatOptions {
  readonly video: VideoMode;
  /** Of the format, where it has several. */
  readonly version?: string;
  /** Of the format, where it has several. */
  readonly layout?: string;
  /** Width and height of decoded pictures; missing: as captured. */
  readonly imageSize?: readonly [number, number];
  /** The ffmpeg to run. */
  readonly ffmpeg: string;
}

/** Something that was noticed and did not stop the work. */
export interface DatasetWarning {
  readonly code: string;
  readonly message: string;
}

/** The files of a data set that is being written. */
export interface DatasetFiles {
  /**
   * Makes one file: `make` writes all of it to the path it is given, which is put in its place once it is complete and
   * on the disk. Where an earlier run has left the file complete, `make` is not called, and what it returned then is
   * returned again. What is made must be a function of the set and the options alone.
   *
   * @param path relative to the data set's root, with `/`
   */
  write<T extends Json>(path: string, make: (path: string) => Promise<T>): Promise<T>;
  warn(warning: DatasetWarning): void;
  /** Frames written so far, of all. */
  progress(done: number, total: number): void;
  readonly signal: AbortSignal | undefined;
}

/** A format that data sets are written in. */
export interface DatasetFormat {
  /** Modes that it can hold, the default first. */
  readonly videoModes: readonly [VideoMode, ...VideoMode[]];
  /** The default first; missing where there is one. */
  readonly versions?: readonly [string, ...string[]];
  readonly layouts?: readonly [string, ...string[]];
  /** Writes all files; the one whose presence says that the set is complete comes last. */
  write(set: EpisodeSet, files: DatasetFiles, options: FormatOptions): Promise<void>;
}
