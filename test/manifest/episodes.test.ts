import { describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { parseManifest } from "../../src/manifest/index.ts";

const base = `version: 1
capture: line-7
description: Line 7
reference_clock: plant
clocks: { plant: }
sources:
  head: { kind: video, path: head.mp4, clock: plant }
  wrist: { kind: video, path: wrist.mp4, clock: plant }
  side: { kind: video, path: side.mp4, clock: plant }
  ticks: { kind: frames, path: ticks.csv, clock: plant, columns: { time: t } }
  dcs: { kind: csv, path: dcs.csv, clock: plant, columns: { time: t } }
  mes: { kind: csv, path: mes.csv, clock: plant, shape: intervals, columns: { start: s, end: e } }
  rounds: { kind: csv, path: rounds.csv, clock: plant, shape: intervals, columns: { start: s, end: e } }
  bare: { kind: csv, path: bare.csv, clock: plant, shape: intervals, columns: { start: s, end: e } }
frames: head
tags:
  pressure: { source: dcs, tag: PI-1, type: number, previous_episode: true }
  flow: { source: dcs, tag: FI-1, role: action }
  chemical: { source: dcs, tag: CHEM, type: text }
  order_no: { source: mes, tag: order_no }
  all_rounds: { source: rounds, tag: id, overlap: all }
  round_id: { source: rounds, tag: id }
  step: { source: mes, tag: step }
  worker: { source: mes, tag: operator }
  worker_again: { source: mes, tag: operator }
  alarm_names: { source: mes, tag: alarm, overlap: all }
  alarm_levels: { source: mes, tag: severity, overlap: all }
  wrist_frame: { source: wrist, tag: frame_index, join: nearest }
`;

const whole = `episodes:
  by: order_no
  min: 2s
  max: 10m
  split_at_gaps: 100ms
  fps: 30
  robot: helmet-camera
  task: "Round {round_id}: {sop_step_text} at {station|no station}, {job}"
  scene: "{description}"
  observation: [pressure]
  action: [flow]
  action_lead: 100ms
  context: { station: chemical, 7: order_no, job: order_no }
  personnel: { tag: worker, salt: some text }
  alarms: { name: alarm_names, severity: alarm_levels }
  procedure: { path: procedure.yaml, step: step }
  cameras: [head, wrist]
  max_jitter: 10ms
`;

function parse(text: string) {
  return parseManifest(text, { base: "." });
}

/** The error's code, place, message and hint. */
function told(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof AlignError)) throw error;
    expect(error.exitCode).toBe(3);
    const { line, column } = error.where ?? {};
    const written = text.split("\n")[(line ?? 0) - 1]?.slice((column ?? 0) - 1) ?? "";
    return `${error.code} at ${written.split(/[\s,}\]]/)[0]} | ${error.message} | ${error.hint}`;
  }
  return "accepted";
}

describe("the key episodes", () => {
  it("resolves with all its keys, context in the order of the text", () => {
    expect(parse(base + whole).episodes).toEqual({
      by: { kind: "tag", tag: "order_no" },
      minNs: 2_000_000_000n,
      maxNs: 600_000_000_000n,
      splitAtGapsNs: 100_000_000n,
      fps: 30,
      robot: "helmet-camera",
      task: [
        "Round ",
        { name: "round_id" },
        ": ",
        { name: "sop_step_text" },
        " at ",
        { name: "station", otherwise: "no station" },
        ", ",
        { name: "job" },
      ],
      scene: [{ name: "description" }],
      observation: ["pressure"],
      action: ["flow"],
      actionLeadNs: 100_000_000n,
      context: [
        { name: "station", tag: "chemical" },
        { name: "7", tag: "order_no" },
        { name: "job", tag: "order_no" },
      ],
      personnel: { tag: "worker", salt: "some text" },
      alarms: { name: "alarm_names", severity: "alarm_levels" },
      procedure: { path: "procedure.yaml", step: "step" },
      cameras: [{ source: "head" }, { source: "wrist", frameIndexTag: "wrist_frame" }],
      maxJitterNs: 10_000_000n,
    });
  });

  it("is not there where it is not written, and is one episode a capture where it is empty", () => {
    expect(parse(base).episodes).toBeUndefined();
    expect(parse(`${base}episodes: {}\n`).episodes).toEqual({
      actionLeadNs: 0n,
      cameras: [{ source: "head" }],
    });
    const ofTable = base.replace("frames: head", "frames: ticks");
    expect(parse(`${ofTable}episodes: {}\n`).episodes?.cameras).toEqual([]);
  });

  it("cuts by a source through its first tag that has one value a frame", () => {
    expect(parse(`${base}episodes: { by: { source: rounds } }\n`).episodes?.by).toEqual({
      kind: "interval",
      source: "rounds",
      tag: "round_id",
    });
  });

  it("marks the tags that episodes compare with the one before", () => {
    const tags = parse(base).tags.filter(({ previousEpisode }) => previousEpisode);
    expect(tags.map(({ name }) => name)).toEqual(["pressure"]);
  });

  it("keeps templates as they are written around the names", () => {
    const task = (text: string) =>
      parse(`${base}episodes: { task: ${JSON.stringify(text)} }\n`).episodes?.task;
    expect(task("plain")).toEqual(["plain"]);
    expect(task("{flow}{order_no| }x")).toEqual([
      { name: "flow" },
      { name: "order_no", otherwise: " " },
      "x",
    ]);
    expect(task("")).toEqual([]);
  });
});

/** What is put in for `episodes`, and the error to the letter. */
const mistakes: [written: string, error: string][] = [
  ["bye: flow", 'MANIFEST_UNKNOWN_KEY at bye: | unknown key "bye" in episodes | did you mean "by"?'],
  [
    "by: ordr_no",
    'MANIFEST_UNKNOWN_TAG at ordr_no | episodes.by names the tag "ordr_no", which is not declared | did you mean "order_no"?',
  ],
  [
    "by: all_rounds",
    'MANIFEST_TYPE at all_rounds | episodes.by names "all_rounds", which is a list | name a tag without overlap: all',
  ],
  [
    "by: { source: ronds }",
    'MANIFEST_UNKNOWN_SOURCE at ronds | episodes.by.source names the source "ronds", which is not declared | did you mean "rounds"?',
  ],
  [
    "by: { source: dcs }",
    'MANIFEST_EPISODES at dcs | episodes.by names source "dcs", which is not of shape intervals | name a source of shape intervals, or cut by a tag',
  ],
  [
    "by: { source: bare }",
    'MANIFEST_EPISODES at bare | episodes.by names source "bare", which no tag tells the intervals of | add a tag of it, with one value a frame',
  ],
  [
    "by: { sorce: rounds }",
    'MANIFEST_UNKNOWN_KEY at sorce: | unknown key "sorce" in episodes.by | did you mean "source"?',
  ],
  [
    "min: 2",
    'MANIFEST_DURATION at 2 | episodes.min is 2, without a unit | a duration carries its unit, e.g. "5s"',
  ],
  [
    "min: 2s, max: 1s",
    "MANIFEST_EPISODES at 1s | episodes.max is less than episodes.min: every episode would be left out | write a longer max, or a shorter min",
  ],
  ["max: 0s", "MANIFEST_DURATION at 0s | episodes.max is 0 | write a longer duration"],
  ["split_at_gaps: 0ms", "MANIFEST_DURATION at 0ms | episodes.split_at_gaps is 0 | write a longer duration"],
  ["fps: 29.97", "MANIFEST_VALUE at 29.97 | episodes.fps is 29.97 | write a whole number from 1 to 1000"],
  ["fps: 0", "MANIFEST_VALUE at 0 | episodes.fps is 0 | write a whole number from 1 to 1000"],
  [
    "observation: [presure]",
    'MANIFEST_UNKNOWN_TAG at presure | episodes.observation[0] names the tag "presure", which is not declared | did you mean "pressure"?',
  ],
  [
    "observation: [chemical]",
    'MANIFEST_TYPE at chemical | episodes.observation[0] names "chemical", whose type is text | name tags of numbers; text belongs to context',
  ],
  [
    "action: [flow, flow]",
    'MANIFEST_EPISODES at flow | episodes.action[1] names "flow" again | leave it out',
  ],
  [
    "context: { recipe: chem }",
    'MANIFEST_UNKNOWN_TAG at chem | episodes.context.recipe names the tag "chem", which is not declared | tags has pressure, flow, chemical, order_no, all_rounds, round_id, step, worker, worker_again, alarm_names, alarm_levels, wrist_frame',
  ],
  [
    "context: { sop_step_id: step }",
    'MANIFEST_EPISODES at sop_step_id: | episodes.context: "sop_step_id" is a name that episodes use themselves | give it another name',
  ],
  [
    "context: { a/b: step }",
    'MANIFEST_EPISODES at a/b: | episodes.context: "a/b" has a "/" | write "_" in its place',
  ],
  [
    "personnel: { tag: worker }",
    'MANIFEST_MISSING_KEY at personnel: | episodes.personnel has no "salt" | add "salt": the key of the hash that stands for the name',
  ],
  [
    "personnel: { tag: worker, salt: s }, context: { who: worker_again }",
    "MANIFEST_PERSONNEL at worker_again | episodes.context.who would show who does the work | leave it out: plant.personnel_id stands for the person",
  ],
  [
    "personnel: { tag: worker, salt: s }, procedure: { path: p, step: worker }",
    "MANIFEST_PERSONNEL at worker | episodes.procedure.step would show who does the work | leave it out: plant.personnel_id stands for the person",
  ],
  [
    "alarms: { name: step }",
    'MANIFEST_JOIN at step | episodes.alarms.name names "step", which is not a list of all active alarms | give tags.step join: covering and overlap: all',
  ],
  [
    "procedure: { path: p, step: steps }",
    'MANIFEST_UNKNOWN_TAG at steps | episodes.procedure.step names the tag "steps", which is not declared | did you mean "step"?',
  ],
  [
    "cameras: [hed]",
    'MANIFEST_UNKNOWN_SOURCE at hed | episodes.cameras[0] names the source "hed", which is not declared | did you mean "head"?',
  ],
  [
    "cameras: [ticks]",
    'MANIFEST_CAMERA at ticks | episodes.cameras[0] names "ticks", which is a frames source | name a source of kind video',
  ],
  [
    "cameras: [head, side]",
    'MANIFEST_CAMERA at side | episodes.cameras[1] names "side", and no tag tells which of its frames belongs to a row | add a tag { source: side, tag: frame_index, join: nearest }',
  ],
  [
    "cameras: [head, head]",
    'MANIFEST_CAMERA at head | episodes.cameras[1] names "head" again | leave it out',
  ],
  [
    "task: 'at {order_no'",
    'MANIFEST_TEMPLATE at \'at | episodes.task: "at {order_no" has a "{" that no "}" closes | write {name}, or {name|text if there is no value}',
  ],
  [
    "task: 'at {a{b}}'",
    'MANIFEST_TEMPLATE at \'at | episodes.task: "at {a{b}}" has a "{" within braces | write {name}, or {name|text if there is no value}',
  ],
  [
    "scene: 'at order}'",
    'MANIFEST_TEMPLATE at \'at | episodes.scene: "at order}" has a "}" that no "{" opens | write {name}, or {name|text if there is no value}',
  ],
  [
    "scene: 'at {|x}'",
    'MANIFEST_TEMPLATE at \'at | episodes.scene: "at {|x}" has braces without a name | write {name}, or {name|text if there is no value}',
  ],
  [
    "task: '{order_on}'",
    'MANIFEST_TEMPLATE at \'{order_on | episodes.task names {order_on}, which is neither context nor a tag | did you mean "order_no"?',
  ],
  [
    "task: '{sop_step_text}'",
    "MANIFEST_TEMPLATE at '{sop_step_text | episodes.task names {sop_step_text}, which is neither context nor a tag | it needs episodes.procedure",
  ],
];

describe("episodes are refused, and told so to the letter, when written", () => {
  it.each(mistakes)("%s", (written, error) => {
    expect(told(`${base}episodes: { ${written} }\n`)).toBe(error);
  });

  it("by a source where provenance is none", () => {
    expect(told(`${base}provenance: none\nepisodes: { by: { source: rounds } }\n`)).toBe(
      "MANIFEST_EPISODES at rounds | episodes.by names a source, and provenance: none leaves out when its intervals begin | leave provenance out, or cut by a tag",
    );
  });

  it("with previous_episode on what is not a number", () => {
    expect(told(base.replace("type: text", "type: text, previous_episode: true"))).toBe(
      "MANIFEST_TYPE at previous_episode: | tags.chemical.previous_episode needs numbers, and the tag is text | leave it out",
    );
    expect(told(base.replace("overlap: all }", "overlap: all, previous_episode: true }"))).toBe(
      "MANIFEST_TYPE at previous_episode: | tags.all_rounds.previous_episode needs numbers, and the tag is a list | leave it out",
    );
  });

  it("with previous_episode on a tag that names a person", () => {
    const text = base.replace("tag: operator }", "tag: operator, previous_episode: true }");
    expect(told(`${text}episodes: { personnel: { tag: worker_again, salt: s } }\n`)).toBe(
      "MANIFEST_PERSONNEL at previous_episode: | tags.worker.previous_episode would show who does the work | leave it out: plant.personnel_id stands for the person",
    );
  });

  it("with {description} where there is none", () => {
    expect(told(`${base.replace("description: Line 7\n", "")}episodes: { scene: "{description}" }\n`)).toBe(
      'MANIFEST_TEMPLATE at "{description | episodes.scene names {description}, and the manifest has none | add "description", or leave it out',
    );
  });
});
