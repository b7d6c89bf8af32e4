import type { ColumnMetaData, Compressors, DataReader, PageHeader, SchemaTree } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";

/** A column chunk as it is stored. */
export interface StoredChunk {
  bytes: Uint8Array;
  metadata: ColumnMetaData;
  /** From the root to the leaf. */
  path: SchemaTree[];
  compressors: Compressors;
}

/** Values a page may have; more are damage, not data. */
const pageValuesMax = 2 ** 27;
/** Values that the last run of a page may have beyond the page's own. */
const runSlack = 2 ** 16;

/**
 * Walks the pages of a column chunk and the runs in them, because the reader of their values goes by lengths that it
 * does not hold against anything: damaged ones would keep it busy for ever.
 *
 * @throws Error at the first length that cannot be
 */
export function checkPages({ bytes, metadata, path, compressors }: StoredChunk): void {
  const reader: DataReader = { view: viewOf(bytes), offset: 0 };
  let values = 0;
  while (reader.offset < bytes.length - 1 && values < Number(metadata.num_values)) {
    const header = parquetHeader(reader);
    const { compressed_page_size: stored, uncompressed_page_size: opened } = header;
    if (!(stored >= 0 && opened >= 0 && opened <= 2 ** 31 && reader.offset + stored <= bytes.length))
      throw new Error(`a page of ${stored} bytes goes past its column`);
    const page = bytes.subarray(reader.offset, reader.offset + stored);
    reader.offset += stored;
    const count = (header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header)
      ?.num_values;
    if (count === undefined || !(count >= 0 && count <= pageValuesMax))
      throw new Error(`a page has ${count} values`);
    if (header.type === "DICTIONARY_PAGE") continue;
    values += count;
    const open = (part: Uint8Array, length: number) =>
      decompressPage(part, length, metadata.codec, compressors);
    if (header.data_page_header !== undefined)
      checkFirst(open(page, opened), header.data_page_header, metadata, path);
    else checkSecond(page, header, metadata, path, open);
  }
  if (values !== Number(metadata.num_values))
    throw new Error(`pages have ${values} values, not ${metadata.num_values}`);
}

/** Levels with their lengths in front, then the values. */
function checkFirst(
  page: Uint8Array,
  header: NonNullable<PageHeader["data_page_header"]>,
  metadata: ColumnMetaData,
  path: SchemaTree[],
): void {
  const view = viewOf(page);
  let at = 0;
  for (const most of [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)]) {
    if (most === 0) continue;
    const length = view.getUint32(at, true);
    walkRuns(page, at + 4, levelWidth(most), header.num_values, true);
    at += 4 + length;
  }
  checkValues(page, at, header.encoding, header.num_values, metadata);
}

/** Levels are not compressed, and the header has their lengths. */
function checkSecond(
  page: Uint8Array,
  header: PageHeader,
  metadata: ColumnMetaData,
  path: SchemaTree[],
  open: (part: Uint8Array, length: number) => Uint8Array,
): void {
  const second = header.data_page_header_v2;
  if (second === undefined) throw new Error(`a page of kind ${header.type}`);
  const repetition = second.repetition_levels_byte_length;
  const levels = repetition + second.definition_levels_byte_length;
  if (
    !(
      repetition >= 0 &&
      levels >= repetition &&
      levels <= page.length &&
      second.num_nulls <= second.num_values
    )
  )
    throw new Error("levels go past their page");
  const most = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)] as const;
  if (most[0] > 0) walkRuns(page, 0, levelWidth(most[0]), second.num_values, true);
  if (most[1] > 0) walkRuns(page, repetition, levelWidth(most[1]), second.num_values, true);
  const rest = page.subarray(levels);
  const values = second.is_compressed === false ? rest : open(rest, header.uncompressed_page_size - levels);
  checkValues(values, 0, second.encoding, second.num_values - second.num_nulls, metadata);
}

function checkValues(
  page: Uint8Array,
  at: number,
  encoding: string,
  count: number,
  { type }: ColumnMetaData,
): void {
  if (/DICTIONARY$/.test(encoding) && type !== "BOOLEAN") {
    const width = page[at] ?? 0;
    if (width > 32) throw new Error(`indexes of ${width} bits`);
    if (width > 0) walkRuns(page, at + 1, width, count, false);
  } else if (encoding === "RLE" || type === "BOOLEAN") {
    if (encoding === "RLE") walkRuns(page, at + 4, 1, count, false);
  }
}

/** @param isWhole whether there must be as many values as `count` */
function walkRuns(page: Uint8Array, start: number, width: number, count: number, isWhole: boolean): void {
  let at = start;
  for (let seen = 0; seen < count; ) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = page[at++];
      if (byte === undefined) {
        if (isWhole) throw new Error(`a page ends after ${seen} of ${count} values`);
        return;
      }
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const half = Math.floor(header / 2);
    const run = header % 2 === 1 ? half * 8 : half;
    if (seen + run > count + runSlack) throw new Error(`a run of ${run} values in a page of ${count}`);
    at += header % 2 === 1 ? half * width : (width + 7) >> 3;
    seen += run;
  }
}

function levelWidth(most: number): number {
  return 32 - Math.clz32(most);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
