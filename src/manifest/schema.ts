import { z } from "zod";
import { episodes } from "./episode-schema.ts";
import {
  atLeastZero,
  choice,
  duration,
  knownZone,
  limit,
  reading,
  span,
  videoStart,
  word,
} from "./scalars.ts";

const zone = reading("IANA time zone of text that names none", knownZone);

const timeReading = z
  .strictObject({
    unit: choice(["ns", "us", "ms", "s"], "unit of a time column of numbers").optional(),
    zone: zone.optional(),
    ambiguous: choice(
      ["reject", "earlier", "later", "order"],
      "which instant a local time that happens twice is: refuse it, the earlier, the later, or by the order of rows",
    ).default("reject"),
    format: word("format of a time column of text that is not ISO 8601").optional(),
  })
  .meta({ description: "how the time columns read" });

const arrivalReading = timeReading
  .optional()
  .meta({ description: "how the column arrival reads; the default is as time does" });

const codes = z.array(
  z
    .union([z.string().min(1), z.int().min(0).max(0xffff_ffff)])
    .meta({ description: "a word, or a code from 0 to 4294967295" }),
);

const qualityReading = z
  .union([
    z.enum(["opcua", "opcda", "words"]),
    z.strictObject({
      good: codes.default([]).meta({ description: "codes and words that are good" }),
      uncertain: codes.default([]).meta({ description: "codes and words that are uncertain" }),
      bad: codes.default([]).meta({ description: "codes and words that are bad" }),
    }),
  ])
  .meta({
    description:
      "how the quality column reads: opcua, opcda, words, or lists { good: [...], uncertain: [...], bad: [...] }",
  });

const everySource = {
  clock: word("the clock that its times are on, one of clocks"),
  role: choice(
    ["historian", "scada", "dcs", "mes", "erp", "robot", "camera", "sensor"],
    "which plant system it is",
  ).optional(),
};

const everyCamera = {
  capture_delay: duration(
    "how much later than the light the stamp is: taken from every frame's time; the default is 0s",
  ).prefault("0s"),
  exposure: span(
    "how long a frame is exposed, where stamps tell the start of it: half is added, so that times are its middle; the default is 0s",
  ).prefault("0s"),
  cadence: choice(
    ["auto", "off"],
    "auto takes rounding and jitter from the times where a constant rate is proven; off keeps every stamp",
  ).default("off"),
};

const path = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((paths): readonly string[] => (typeof paths === "string" ? [paths] : paths))
  .meta({
    description: "a path, a glob, or a list of them, relative to the manifest; parts are read in name order",
  });

const rowOrder = choice(
  ["sort", "strict"],
  "sort puts rows in time order and counts them; strict refuses rows out of order",
).default("sort");

const table = {
  ...everySource,
  shape: choice(
    ["wide", "long", "intervals", "events"],
    "wide: one column a tag; long: one row a sample; intervals: start, end, attributes; events: time, attributes",
  ).default("wide"),
  columns: z
    .strictObject({
      time: word("column of the time").optional(),
      arrival: word("column of the time of arrival, on another clock: evidence of kind one-way").optional(),
      tag: word("column of the tag's name (long)").optional(),
      value: word("column of the value (long)").optional(),
      quality: word("column of the quality").optional(),
      start: word("column of the start (intervals)").optional(),
      end: word("column of the end (intervals); an empty cell is open").optional(),
    })
    .meta({ description: "which column holds what" }),
  time: timeReading.prefault({}),
  arrival: arrivalReading,
  quality: qualityReading.optional(),
  bad_values: z
    .array(z.union([z.string(), z.number()]).meta({ description: 'for example "Bad Input" or -9999' }))
    .default([])
    .meta({ description: 'words and numbers of a value column that mean "no value", beside the usual ones' }),
  order: rowOrder,
};

function kind<const T extends readonly [string, ...string[]]>(...values: T) {
  return choice(values, "what the source is");
}

function format<const T extends readonly [string, ...string[]]>(...values: T) {
  return choice(values, "format of the output");
}

const source = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: kind("video"),
      path,
      ...everySource,
      ...everyCamera,
      start: reading(
        "the clock's reading at presentation time 0: an instant, a duration, or creation_time",
        videoStart,
      ).prefault("0s"),
    }),
    z.strictObject({
      kind: kind("frames"),
      path,
      ...everySource,
      ...everyCamera,
      columns: z
        .strictObject({
          time: word("column of the frame times"),
          arrival: word("column of the frames' times of arrival, on another clock").optional(),
        })
        .meta({ description: "which column holds the frame times" }),
      time: timeReading.prefault({}),
      arrival: arrivalReading,
      order: rowOrder,
    }),
    z.strictObject({ kind: kind("csv", "jsonl", "parquet", "arrow"), path, ...table }),
    z.strictObject({
      kind: kind("sql"),
      query: word("a query on the embedded DuckDB; paths in it are relative to the manifest"),
      ...table,
    }),
  ])
  .meta({ description: "a source of frames or of plant data" });

const tag = z
  .strictObject({
    source: word("the source that holds the tag, one of sources"),
    tag: word(
      "the tag's name in the source: a tag, a column or an attribute; of a video or frames source frame_index or pts",
    ),
    join: choice(
      ["backward", "forward", "nearest", "linear", "covering", "window"],
      "how a frame finds its value; the default is covering for intervals, else backward",
    ).optional(),
    tolerance: limit(
      "backward, forward, nearest, and linear with extrapolate: hold: the farthest a match may be, inclusive",
    ).optional(),
    max_gap: limit("linear: the widest distance between the two bracketing samples, inclusive").optional(),
    extrapolate: choice(
      ["none", "hold"],
      "linear: what happens outside the samples; the default is none",
    ).optional(),
    stale_after: span("a value older than this keeps its value and is marked as stale").optional(),
    quality: choice(
      ["good", "usable", "raw"],
      "good skips samples that are not good, usable counts uncertain as good, raw skips nothing; the default is good",
    ).optional(),
    overlap: choice(
      ["latest", "all"],
      "covering: the interval that started last, or a list of all; the default is latest",
    ).optional(),
    window: z
      .strictObject({
        span: reading("frame (since the previous frame) or a duration", (text) =>
          text === "frame" ? text : atLeastZero(text),
        ),
        aggregate: choice(
          ["count", "sum", "mean", "min", "max", "first", "last"],
          "what is made of the samples of a window",
        ),
      })
      .meta({ description: "window: which samples belong to a frame and what is made of them" })
      .optional(),
    type: choice(
      ["number", "integer", "boolean", "text"],
      "type of the column; the default is as found",
    ).optional(),
    step: z.boolean().optional().meta({
      description:
        "whether a value holds until the next one; the default is true for join covering and for what is boolean or text",
    }),
    compression_deviation: deviation(
      "the largest deviation of what the historian's compression left out, in the unit of the values",
    ),
    exception_deviation: deviation(
      "the largest deviation of what was not passed on to the historian, in the unit of the values",
    ),
    unit: word("unit of the values, kept in the field metadata").optional(),
    role: choice(["state", "action", "context"], "what the tag is to a robot learner").optional(),
    previous_episode: z
      .boolean()
      .optional()
      .meta({ description: "whether episodes carry the number that the tag had in the episode before" }),
  })
  .meta({ description: "an output column" });

function deviation(description: string) {
  return z.number().min(0).optional().meta({ description });
}

const evidenceColumns = {
  from: word("column of the readings of the clock from"),
  to: word("column of the readings of the clock to"),
};

const evidenceTable = { path, time: timeReading.prefault({}) };

const evidence = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: choice(["constant"], "a known offset"),
      offset: duration("the clock to minus the clock from"),
      uncertainty: span("1 sigma of the offset").optional(),
    }),
    z.strictObject({
      kind: choice(["marks"], "instants seen on both clocks"),
      ...evidenceTable,
      columns: z
        .strictObject({ ...evidenceColumns, uncertainty: word("column of 1 sigma").optional() })
        .meta({ description: "which column holds what" }),
    }),
    z.strictObject({
      kind: choice(["two-way"], "probes with round trips"),
      ...evidenceTable,
      columns: z
        .strictObject({
          from: evidenceColumns.from,
          offset: word("column of the offsets, the clock to minus the clock from"),
          round_trip: word("column of the round trips").optional(),
        })
        .meta({ description: "which column holds what" }),
    }),
    z.strictObject({
      kind: choice(["one-way"], "stamps that arrive with a delay"),
      path: path.optional(),
      time: timeReading.optional(),
      columns: z
        .strictObject({ from: word("column of the stamps"), to: word("column of the arrivals") })
        .meta({ description: "which column holds what" })
        .optional(),
      source: word("in place of a table: a source with columns time and arrival, one of sources").optional(),
    }),
    z.strictObject({
      kind: choice(["signals"], "two signals that follow one another"),
      from: signal("the signal on the clock from"),
      to: signal("the signal on the clock to"),
      max_lag: span("the largest lag that is looked for"),
    }),
  ])
  .meta({ description: "evidence that ties the two clocks" });

function signal(description: string) {
  return z
    .strictObject({ source: word("its source, one of sources"), tag: word("its tag") })
    .meta({ description });
}

const output = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: format("parquet", "arrow", "csv"),
      path: word("where the table goes, relative to the output directory"),
    }),
    z.strictObject({
      kind: format("lerobot", "rlds", "mcap", "hdf5"),
      path: word("the data set's directory, relative to the output directory"),
      name: word("name of the data set; the default is the last part of the capture's name").optional(),
      video: choice(
        ["retime", "copy", "resample", "images"],
        "what becomes of the pictures; the default is the format's",
      ).optional(),
      version: word('version of the format, such as "2.1" of lerobot').optional(),
      layout: word("layout of the format, such as aloha of hdf5").optional(),
      image_size: z
        .tuple([z.int().min(1).max(16_384), z.int().min(1).max(16_384)])
        .optional()
        .meta({ description: "width and height of decoded pictures; the default is as captured" }),
    }),
  ])
  .meta({ description: "a table, or a data set of the capture's episodes" });

/** The manifest as it is written; its output has defaults, and ns in place of durations and instants. */
export const manifestText = z
  .strictObject({
    version: z.literal(1).meta({ description: "version of the manifest format" }),
    capture: word("identity of the capture, which appears in every output"),
    description: z.string().optional().meta({ description: "scene text" }),
    reference_clock: word("the clock that every output time is on, one of clocks"),
    clocks: z
      .record(z.string().min(1), z.strictObject({}).nullable().meta({ description: "a clock" }))
      .meta({ description: "every clock that a source names" }),
    maps: z
      .array(
        z
          .strictObject({
            from: word("a clock, one of clocks"),
            to: word("another clock, one of clocks"),
            model: choice(
              ["auto", "constant", "linear", "piecewise"],
              "how the offset goes with time",
            ).default("auto"),
            evidence: z
              .array(evidence)
              .min(1)
              .meta({ description: "one or more pieces of evidence, used jointly" }),
          })
          .meta({ description: "what ties one clock to another" }),
      )
      .default([])
      .meta({ description: "evidence that ties clocks together" }),
    sources: z
      .record(z.string().min(1), source)
      .meta({ description: "where frames and plant data come from, by name" }),
    frames: word("the source whose frames are the rows, of kind video or frames"),
    tags: z
      .record(z.string(), tag)
      .default({})
      .meta({ description: "output columns by name, in this order" }),
    provenance: choice(
      ["full", "none"],
      "none leaves out the columns that say where values come from and how far they hold",
    ).default("full"),
    require: z
      .strictObject({
        coverage: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .meta({ description: "least share of frames with a value, for every tag, 0 to 1" }),
        clock_uncertainty: span("largest 1 sigma of any clock map in use").optional(),
      })
      .default({})
      .meta({ description: "limits that must be kept, else nothing is published" }),
    outputs: z
      .array(output)
      .min(1)
      .default([{ kind: "parquet", path: "aligned.parquet" }])
      .meta({ description: "the tables and data sets to write; the default is aligned.parquet" }),
    episodes: episodes.optional(),
  })
  .meta({ title: "Capture manifest", description: "How a capture's video and plant data are aligned" });

/** The manifest after its shape is checked, in the words of the file. */
export type ManifestText = z.output<typeof manifestText>;
export type SourceText = ManifestText["sources"][string];
export type TagText = ManifestText["tags"][string];
export type MapText = ManifestText["maps"][number];

/** A JSON Schema (draft 2020-12) object or boolean. */
export type JsonSchema = { readonly [key: string]: unknown };

/** JSON Schema (draft 2020-12) of the manifest as it is written, for editors. */
export const manifestSchema: JsonSchema = z.toJSONSchema(manifestText, {
  io: "input",
  target: "draft-2020-12",
});
