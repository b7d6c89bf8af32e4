import type { RecordingFacts, Say } from "./recording.ts";
import { type Fields, type McapRecord, type RecordName, recordName } from "./records.ts";

/** A record after DataEnd. */
export interface SummaryRecord {
  name: RecordName;
  offset: number;
  bytes: number;
  fields: Fields;
}

/** Holds the summary against the data, and the footer against the summary. */
export function checkSummary(
  facts: RecordingFacts,
  summary: readonly SummaryRecord[],
  footer: McapRecord,
  say: Say,
): void {
  const of = (name: RecordName) => summary.filter((one) => one.name === name);
  for (const { name, fields } of summary) {
    if (name === "Schema" || name === "Channel") checkDefinition(name, fields, facts, say);
    else if (name === "Statistics") checkStatistics(fields, facts, say);
    else if (name === "ChunkIndex") checkChunkIndex(fields, facts, say);
    else if (name === "AttachmentIndex") {
      const [offset, bytes] = [fields.number(), fields.number()];
      if (facts.attachments.get(offset) !== bytes) say("mcap.indexes", `no attachment at byte ${offset}`);
    } else if (name === "MetadataIndex") {
      const [offset, , title] = [fields.number(), fields.number(), fields.text()];
      if (facts.metadata.get(offset) !== title)
        say("mcap.indexes", `no metadata "${title}" at byte ${offset}`);
    } else if (name !== "SummaryOffset" && name !== "Unknown")
      say("mcap.structure", `${name} in the summary`);
  }
  if (of("Statistics").length > 1) say("mcap.summary", "Statistics are there twice");
  const indexes = of("ChunkIndex").length;
  if (indexes > 0 && indexes !== facts.chunks.size)
    say("mcap.indexes", `${indexes} ChunkIndex records for ${facts.chunks.size} chunks`);
  checkFooter(summary, footer, say);
}

function checkFooter(summary: readonly SummaryRecord[], footer: McapRecord, say: Say): void {
  const [start, offsetStart] = [footer.fields.number(), footer.fields.number()];
  const offsets = summary.filter(({ name }) => name === "SummaryOffset");
  if (start !== (summary[0]?.offset ?? 0)) say("mcap.summary", `the summary does not start at byte ${start}`);
  if (offsetStart !== 0 && offsets.length > 0 && offsetStart !== offsets[0]?.offset)
    say("mcap.summary", `the summary's offsets do not start at byte ${offsetStart}`);
  for (const { fields } of offsets) {
    const [opcode, groupStart, groupBytes] = [fields.u8(), fields.number(), fields.number()];
    const group = summary.filter(({ name }) => name === recordName(opcode));
    const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
    if (group[0]?.offset !== groupStart || bytes !== groupBytes)
      say("mcap.summary", `the offset of ${recordName(opcode)} is not that of its ${bytes} bytes`);
  }
}

function checkDefinition(kind: "Schema" | "Channel", fields: Fields, facts: RecordingFacts, say: Say): void {
  const content = fields.all.toString("latin1");
  const id = fields.u16();
  const known = (kind === "Schema" ? facts.schemas : facts.channels).get(id);
  if (known === undefined) {
    if (facts.isWhole) say("mcap.summary", `${kind} ${id} is in the summary and not in the data`);
  } else if (known !== content) say("mcap.summary", `${kind} ${id} differs in the summary`);
}

function checkStatistics(fields: Fields, facts: RecordingFacts, say: Say): void {
  const wrong: string[] = [];
  const compare = (what: string, said: bigint | number, found: bigint | number) => {
    if (BigInt(said) !== BigInt(found)) wrong.push(`${said} ${what}, not ${found}`);
  };
  const [messages, schemas, channels] = [fields.u64(), fields.u16(), fields.u32()];
  compare("attachments", fields.u32(), facts.attachments.size);
  compare("metadata", fields.u32(), facts.metadata.size);
  compare("chunks", fields.u32(), facts.chunks.size);
  const [least, latest] = [fields.u64(), fields.u64()];
  if (facts.isWhole) {
    compare("messages", messages, facts.messages);
    compare("schemas", schemas, facts.schemas.size);
    compare("channels", channels, facts.channels.size);
    // Without messages there is no first and no last.
    compare("as the first time", least, facts.least ?? least);
    compare("as the last time", latest, facts.latest ?? latest);
    const end = fields.u32() + fields.at;
    const counts = new Map<number, bigint>();
    while (fields.at < end) counts.set(fields.u16(), fields.u64());
    for (const channel of new Set([...counts.keys(), ...facts.counts.keys()]))
      compare(`messages of Channel ${channel}`, counts.get(channel) ?? 0n, facts.counts.get(channel) ?? 0n);
  }
  for (const one of wrong) say("mcap.summary", `Statistics say ${one}`);
}

function checkChunkIndex(fields: Fields, facts: RecordingFacts, say: Say): void {
  const [startNs, endNs, offset] = [fields.u64(), fields.u64(), fields.number()];
  const chunk = facts.chunks.get(offset);
  if (chunk === undefined) {
    say("mcap.indexes", `a ChunkIndex names byte ${offset}, where no chunk is`);
    return;
  }
  const compare = (what: string, said: unknown, found: unknown) => {
    if (said !== found)
      say("mcap.indexes", `the ChunkIndex of byte ${offset} says ${what} ${said}, not ${found}`);
  };
  compare("start", startNs, chunk.startNs);
  compare("end", endNs, chunk.endNs);
  compare("length", fields.number(), chunk.bytes);
  const end = fields.u32() + fields.at;
  const offsets = new Map<number, number>();
  while (fields.at < end) offsets.set(fields.u16(), fields.number());
  for (const channel of new Set([...offsets.keys(), ...chunk.indexes.keys()]))
    compare(`MessageIndex of Channel ${channel} at`, offsets.get(channel), chunk.indexes.get(channel));
  for (const channel of chunk.messages?.keys() ?? [])
    if (offsets.size > 0 && !offsets.has(channel))
      say("mcap.indexes", `the ChunkIndex of byte ${offset} leaves Channel ${channel} out`);
  compare("index bytes", fields.number(), chunk.indexBytes);
  compare("compression", fields.text(), chunk.compression);
  compare("compressed size", fields.u64(), chunk.compressed);
  compare("size", fields.u64(), chunk.uncompressed);
}
