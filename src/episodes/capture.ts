import type { Procedure } from "../procedure/index.ts";
import type { Json } from "./set.ts";
import type { FrameTable } from "./table.ts";

/** An aligned capture, and how its frames become episodes. */
export interface AlignedCapture {
  /** Identity of the capture. */
  readonly capture: string;
  readonly description?: string;
  readonly spec: EpisodeSpec;
  /** The table's tags, in its order. */
  readonly tags: readonly EpisodeTag[];
  readonly table: FrameTable;
  /** Needed where `spec` names one. */
  readonly procedure?: Procedure;
  readonly cameras: readonly EpisodeCamera[];
  /** Where the clock map of the frames has a step: instants on the reference clock, of the first frame after it or before that. */
  readonly clockStepsNs?: readonly bigint[];
  /** Facts of the capture that data sets carry. */
  readonly provenance: Json;
}

/** A tag of an aligned table. */
export interface EpisodeTag {
  /** Its column. */
  readonly name: string;
  readonly source: string;
  /** Its name in the source. */
  readonly tag: string;
  readonly join: { readonly kind: string };
  /** Missing: `context` for text, else `state`. */
  readonly role?: "state" | "action" | "context" | undefined;
  /** Which plant system its source is; `robot` makes an observation part of `observation.state`. */
  readonly sourceRole?: string | undefined;
  /** Tags of a `video` or `frames` source are observed only where the episodes name them. */
  readonly sourceKind?: string | undefined;
  readonly unit?: string | undefined;
  readonly previousEpisode?: boolean | undefined;
}

/** A camera whose pictures go with the frames. */
export interface EpisodeCamera {
  readonly name: string;
  readonly path: string;
  /** Column with the place of the picture among the file's displayed frames. Missing: `frame_index`. */
  readonly frameIndexColumn?: string;
}

/** Text as it is, or a name whose value stands there; `otherwise` where there is none. */
export type EpisodeText = readonly (string | { readonly name: string; readonly otherwise?: string })[];

/** How the frames of a capture become episodes; names are of tags. */
export interface EpisodeSpec {
  /** Missing: the whole capture. `interval`: told by value and start of the tag, whose age is in the table. */
  readonly by?: { readonly kind: "tag" | "interval"; readonly tag: string };
  /** Shorter episodes are left out. An episode lasts until one frame interval after its last frame. */
  readonly minNs?: bigint;
  /** Longer episodes are cut into pieces of this length, to the nearest frame. */
  readonly maxNs?: bigint;
  /** Episodes are cut where frames are farther apart. */
  readonly splitAtGapsNs?: bigint;
  readonly fps?: number;
  readonly robot?: string;
  readonly task?: EpisodeText;
  readonly scene?: EpisodeText;
  readonly observation?: readonly string[];
  readonly action?: readonly string[];
  readonly actionLeadNs: bigint;
  readonly context?: readonly { readonly name: string; readonly tag: string }[];
  readonly personnel?: { readonly tag: string; readonly salt: string };
  readonly alarms?: { readonly name: string; readonly severity?: string };
  readonly procedure?: { readonly step: string };
  readonly maxJitterNs?: bigint;
}

/** Something that was noticed and did not stop the work. */
export interface EpisodeWarning {
  readonly code: string;
  readonly message: string;
  /** How many frames, values or episodes it is about. */
  readonly count: number;
}
