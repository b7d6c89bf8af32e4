import { z } from "zod";
import { reading, span, word } from "./scalars.ts";
import { parseTemplate } from "./template.ts";

function tagList(description: string) {
  return z.array(word("a tag, one of tags")).optional().meta({ description });
}

function tagName(description: string) {
  return word(`${description}, one of tags`);
}

/** The manifest's key `episodes`. */
export const episodes = z
  .strictObject({
    by: z
      .union([
        z.string().min(1),
        z.strictObject({
          source: word("a source of shape intervals, one of sources: a new episode with each interval"),
        }),
      ])
      .optional()
      .meta({
        description:
          "a tag: a new episode whenever its value changes; or { source: NAME }: with each interval of it; the default is one episode a capture",
      }),
    min: span("shorter episodes are left out and counted").optional(),
    max: span("longer episodes are cut into pieces of this length").optional(),
    split_at_gaps: span("episodes are cut where frames are farther apart than this").optional(),
    fps: z.int().min(1).max(1000).optional().meta({
      description:
        "whole frames a second; the default is the nearest whole rate, when the real one is within 1 % of it",
    }),
    robot: word("what acts in the episodes").optional(),
    task: reading(
      "text of each frame's task; {name} stands for a context value, a tag, sop_step_text, sop_step_id, capture or description",
      parseTemplate,
    ).optional(),
    scene: reading(
      "text of each episode's scene, with the values at its first frame; {name|text} where there may be none",
      parseTemplate,
    ).optional(),
    observation: tagList("the tags that are observed; the default is the tags of role state"),
    action: tagList("the tags that are acted on; the default is the tags of role action"),
    action_lead: span(
      "the action of a frame is the state that far ahead of it; the default is 0s",
    ).optional(),
    context: z
      .record(z.string().min(1), tagName("the tag that holds it"))
      .optional()
      .meta({ description: "what is known of the work, by name; the default is the tags of role context" }),
    personnel: z
      .strictObject({
        tag: tagName("the tag that names a person"),
        salt: word("the key of the hash that stands for the name"),
      })
      .optional()
      .meta({ description: "who does the work, as a pseudonym: the name itself is in no data set" }),
    alarms: z
      .strictObject({
        name: tagName("a list tag (covering, overlap: all) with the names of the active alarms"),
        severity: tagName("a list tag with their severities").optional(),
      })
      .optional()
      .meta({ description: "the alarms that are active" }),
    procedure: z
      .strictObject({
        path: word("a procedure file, relative to the manifest"),
        step: tagName("the tag that holds the id of the step"),
      })
      .optional()
      .meta({ description: "the procedure that is followed" }),
    cameras: z
      .array(word("a source of kind video, one of sources"))
      .optional()
      .meta({ description: "the cameras; the default is the frames source where it is a video" }),
    max_jitter: span(
      "how far frames may be from an even grid where video is stamped anew; the default is half a frame interval",
    ).optional(),
  })
  .meta({ description: "how the aligned frames become episodes of a data set" });

/** The key `episodes` after its shape is checked, in the words of the file. */
export type EpisodesText = z.output<typeof episodes>;
