/** What was noticed while a source was read; rows are 0-based in reading order. */
export interface SourceCounts {
  /** Rows that were read (of a long table: rows of the asked tags). */
  rows: number;
  rowsWithoutTime: number;
  unsorted: number;
  firstUnsortedRow: number;
  duplicates: number;
  ambiguous: number;
  nonexistent: number;
  /** Intervals that end before they start. */
  inverted: number;
  /** Time columns of a type without a zone that were read as UTC. */
  assumedUtc: string[];
  /** First and last instant on the source's clock, ns; undefined without rows. */
  first?: bigint;
  last?: bigint;
}

export function emptyCounts(): SourceCounts {
  return {
    rows: 0,
    rowsWithoutTime: 0,
    unsorted: 0,
    firstUnsortedRow: -1,
    duplicates: 0,
    ambiguous: 0,
    nonexistent: 0,
    inverted: 0,
    assumedUtc: [],
  };
}
