import type { EpisodesText } from "./episode-schema.ts";
import { given } from "./given.ts";
import type { EpisodeCameraSpec, EpisodeCutSpec, EpisodesSpec } from "./manifest.ts";
import type { ManifestText, TagText } from "./schema.ts";

/** The key `episodes` in resolved form; `tags` and `context` are names in the order of the text. */
export function resolveEpisodes(
  episodes: EpisodesText,
  text: ManifestText,
  tags: readonly string[],
  context: readonly string[],
): EpisodesSpec {
  return {
    ...given({
      by: episodes.by === undefined ? undefined : resolveCut(episodes.by, text, tags),
      minNs: episodes.min,
      maxNs: episodes.max,
      splitAtGapsNs: episodes.split_at_gaps,
      fps: episodes.fps,
      robot: episodes.robot,
      task: episodes.task,
      scene: episodes.scene,
      observation: episodes.observation,
      action: episodes.action,
      context: episodes.context && context.map((name) => ({ name, tag: episodes.context![name]! })),
      personnel: episodes.personnel,
      procedure: episodes.procedure,
      maxJitterNs: episodes.max_jitter,
    }),
    ...(episodes.alarms === undefined ? {} : { alarms: resolveAlarms(episodes.alarms) }),
    actionLeadNs: episodes.action_lead ?? 0n,
    cameras: camerasOf(episodes, text).map((source) => resolveCamera(source, text, tags)),
  };
}

/** The sources whose pictures episodes carry, by name. */
export function camerasOf({ cameras }: EpisodesText, text: ManifestText): readonly string[] {
  if (cameras !== undefined) return cameras;
  return text.sources[text.frames]?.kind === "video" ? [text.frames] : [];
}

/** The tag that tells which interval of a source covers a frame. */
export function cutTagOf(source: string, text: ManifestText, tags: readonly string[]): string | undefined {
  return tags.find((name) => text.tags[name]!.source === source && !isList(text.tags[name]!));
}

/** The tag that holds the places of a camera's pictures. */
export function frameIndexTagOf(
  source: string,
  text: ManifestText,
  tags: readonly string[],
): string | undefined {
  return tags.find((name) => {
    const tag = text.tags[name]!;
    return tag.source === source && tag.tag === "frame_index" && tag.join !== "window";
  });
}

/** Whether each row of a tag is a list of the values of all intervals. */
export function isList({ overlap }: TagText): boolean {
  return overlap === "all";
}

function resolveCut(
  by: NonNullable<EpisodesText["by"]>,
  text: ManifestText,
  tags: readonly string[],
): EpisodeCutSpec {
  if (typeof by === "string") return { kind: "tag", tag: by };
  return { kind: "interval", source: by.source, tag: cutTagOf(by.source, text, tags)! };
}

function resolveAlarms({ name, severity }: NonNullable<EpisodesText["alarms"]>) {
  return { name, ...given({ severity }) };
}

function resolveCamera(source: string, text: ManifestText, tags: readonly string[]): EpisodeCameraSpec {
  if (source === text.frames) return { source };
  return { source, frameIndexTag: frameIndexTagOf(source, text, tags)! };
}
