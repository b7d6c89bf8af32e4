import type { JoinTask } from "./subject.ts";
import type { Workload } from "./workloads.ts";

/** One way of a peer to do a join. */
export interface PeerRun {
  /** Of the peer and the way, as results name it. */
  name: string;
  /** Does it once; may give the ms that it took where it runs in another process. */
  run(): Promise<number | undefined>;
  /** How many of the tags it joins. Default: the first `peerTags` of the workload. */
  tags?: number;
  /** What the last run gave, for each of those tags, NaN where null; absent where only a sum came out. */
  values?(): Promise<Float64Array[]>;
  /** How far its values may differ from ours, see `requireSame`. */
  relative: number;
}

/** Another library, with the samples of one workload in its own memory. */
export interface LoadedPeer {
  /** No run where it has no such join. */
  runs(task: JoinTask): PeerRun[];
  close(): Promise<void>;
}

export interface Peer {
  name: string;
  version: string;
  load(load: Workload): Promise<LoadedPeer>;
  close(): Promise<void>;
}

/** A library that is not there, and how to get it. */
export interface MissingPeer {
  name: string;
  missing: string;
}
