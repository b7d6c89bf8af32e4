import type { SourceCounts } from "../tables/index.ts";
import type { Session } from "./session.ts";

/** Turns what was counted while a source was read into warnings of the report. */
export function warnOfCounts(session: Session, source: string, counts: SourceCounts): void {
  session.warn(
    "UNSORTED_ROWS",
    counts.unsorted,
    `row ${counts.firstUnsortedRow}`,
    `source ${source}: ${plural(counts.unsorted, "row is", "rows are")} earlier than the latest time before; put in order`,
  );
  session.warn(
    "DUPLICATE_SAMPLES",
    counts.duplicates,
    null,
    `source ${source}: ${plural(counts.duplicates, "row was", "rows were")} superseded by a later row of the same tag and instant`,
  );
  session.warn(
    "ROWS_WITHOUT_TIME",
    counts.rowsWithoutTime,
    null,
    `source ${source}: ${plural(counts.rowsWithoutTime, "row has", "rows have")} no time and were left out`,
  );
  session.warn(
    "AMBIGUOUS_LOCAL_TIMES",
    counts.ambiguous,
    null,
    `source ${source}: ${plural(counts.ambiguous, "local time happens", "local times happen")} twice; placed by time.ambiguous`,
  );
  session.warn(
    "NONEXISTENT_LOCAL_TIMES",
    counts.nonexistent,
    null,
    `source ${source}: ${plural(counts.nonexistent, "local time does", "local times do")} not exist; moved forward by the gap`,
  );
  session.warn(
    "INVERTED_INTERVALS",
    counts.inverted,
    null,
    `source ${source}: ${plural(counts.inverted, "interval ends", "intervals end")} before the start; left out`,
  );
  session.warn(
    "TIMES_WITHOUT_ZONE",
    counts.assumedUtc.length,
    null,
    `source ${source}: column ${counts.assumedUtc.join(" and ")} holds timestamps without a zone; read as UTC, name a time.zone if they are not`,
  );
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
