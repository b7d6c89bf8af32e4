import { AlignError } from "./errors.ts";

const INT64_MIN = -0x8000_0000_0000_0000n;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const NS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400;
const NS_PER_DAY = 86_400_000_000_000n;

const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?$/;

/**
 * The instant that an ISO 8601 date-time names, in ns since 1970-01-01T00:00:00Z (POSIX, no leap seconds).
 *
 *   2026-05-04T07:12:31.25Z   2026-05-04 09:12:31.250+02:00   2026-05-04T09:12+0200
 *
 * Date and time are parted by `T` or one space; seconds may be left out; up to 9 fraction digits; the zone is `Z`
 * or an offset `+hh`, `+hhmm`, `+hh:mm`.
 * Throws AlignError `USAGE_INSTANT` for text of another form, a day or time that is not in the calendar
 * (`24:00` and a second of 60 included), text without a zone, and instants outside int64 (1677 to 2262).
 */
export function parseInstant(text: string): bigint {
  const match = INSTANT.exec(text);
  if (match === null) {
    throw badInstant(
      `"${text}" is not an instant`,
      'write ISO 8601 with a zone, e.g. "2026-05-04T07:12:31.25Z"',
    );
  }
  const [, year, month, day, hour, minute, second = "0", fraction = "", utc, sign, offsetHour, offsetMinute] =
    match;
  if (utc === undefined && sign === undefined) {
    throw badInstant(`"${text}" has no zone`, 'end it with "Z" or an offset such as "+02:00"');
  }
  if (fraction.length > 9) {
    throw badInstant(`"${text}" is finer than a nanosecond`, "write at most 9 fraction digits");
  }
  const monthNumber = Number(month);
  if (
    monthNumber < 1 ||
    monthNumber > 12 ||
    Number(day) < 1 ||
    Number(day) > daysInMonth(Number(year), monthNumber)
  ) {
    throw badInstant(`"${text}" names a day that does not exist`, "correct the date");
  }
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    throw badInstant(
      `"${text}" names a time of day that does not exist`,
      "hours go to 23, minutes and seconds to 59; there are no leap seconds",
    );
  }
  if (Number(offsetHour ?? 0) > 23 || Number(offsetMinute ?? 0) > 59) {
    throw badInstant(`"${text}" has an offset that does not exist`, 'write an offset such as "+02:00"');
  }
  const offset = (sign === "-" ? -1 : 1) * (Number(offsetHour ?? 0) * 3600 + Number(offsetMinute ?? 0) * 60);
  const seconds =
    daysFromCivil(Number(year), monthNumber, Number(day)) * SECONDS_PER_DAY +
    Number(hour) * 3600 +
    Number(minute) * 60 +
    Number(second) -
    offset;
  const ns = BigInt(seconds) * NS_PER_SECOND + BigInt(fraction.padEnd(9, "0"));
  if (ns < INT64_MIN || ns > INT64_MAX) {
    throw badInstant(
      `"${text}" is outside the range of instants`,
      `instants go from ${formatInstant(INT64_MIN)} to ${formatInstant(INT64_MAX)}`,
    );
  }
  return ns;
}

/**
 * An instant (ns since 1970-01-01T00:00:00Z) as ISO 8601 with `Z` and always 9 fraction digits:
 * `2026-05-04T07:12:31.250000000Z`. `parseInstant` reads it back exactly.
 */
export function formatInstant(ns: bigint): string {
  let seconds = Number(ns / NS_PER_SECOND);
  let fraction = Number(ns % NS_PER_SECOND);
  if (fraction < 0) {
    fraction += 1e9;
    seconds -= 1;
  }
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const ofDay = seconds - days * SECONDS_PER_DAY;
  const [year, month, day] = civilFromDays(days);
  const date = `${String(year).padStart(4, "0")}-${pad2(month)}-${pad2(day)}`;
  const time = `${pad2(Math.floor(ofDay / 3600))}:${pad2(Math.floor(ofDay / 60) % 60)}:${pad2(ofDay % 60)}`;
  return `${date}T${time}.${String(fraction).padStart(9, "0")}Z`;
}

const NS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: NS_PER_SECOND,
  m: 60n * NS_PER_SECOND,
  h: 3600n * NS_PER_SECOND,
  d: NS_PER_DAY,
};

/**
 * A duration in ns from a decimal number and its unit: `250ms`, `1.5s`, `-180ms`, `12ns`.
 *
 * Units are `ns`, `us`, `ms`, `s`, `m` (minutes), `h` and `d` (24 hours).
 * Throws AlignError `USAGE_DURATION` for a bare number, another form, a value that is not a whole number of ns,
 * and one outside int64.
 */
export function parseDuration(text: string): bigint {
  const match = /^([+-]?)(\d+)(?:\.(\d+))? ?(ns|us|ms|s|m|h|d)$/.exec(text);
  if (match === null) {
    const what = /^[+-]?\d+(\.\d+)?$/.test(text) ? "has no unit" : "is not a duration";
    throw badDuration(
      `"${text}" ${what}`,
      'a duration carries its unit, e.g. "5s"; units are ns, us, ms, s, m (minutes), h and d',
    );
  }
  const [, sign, whole, fraction = "", unit] = match;
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole! + fraction) * NS_PER_UNIT[unit!]!;
  if (scaled % scale !== 0n) {
    throw badDuration(`"${text}" is not a whole number of nanoseconds`, "write it with fewer digits");
  }
  const ns = sign === "-" ? -(scaled / scale) : scaled / scale;
  if (ns < INT64_MIN || ns > INT64_MAX) {
    throw badDuration(`"${text}" is too long`, "durations go to 292 years");
  }
  return ns;
}

/** A duration in ns in its shortest exact form, which `parseDuration` reads back: `180ms`, `1.5s`, `2m`, `0s`. */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  const size = ns < 0n ? -ns : ns;
  for (const unit of ["h", "m"]) {
    if (size % NS_PER_UNIT[unit]! === 0n) return `${ns / NS_PER_UNIT[unit]!}${unit}`;
  }
  const unit = ["s", "ms", "us"].find((name) => size >= NS_PER_UNIT[name]!) ?? "ns";
  const perUnit = NS_PER_UNIT[unit]!;
  const digits = String(perUnit).length - 1;
  const fraction = digits === 0 ? "" : String(size % perUnit).padStart(digits, "0");
  const decimals = fraction.replace(/0+$/, "");
  return `${ns < 0n ? "-" : ""}${size / perUnit}${decimals === "" ? "" : `.${decimals}`}${unit}`;
}

/** What to do with a local time that happens twice: refuse it, take one of the two, or go by the order of rows. */
export type AmbiguousPolicy = "reject" | "earlier" | "later" | "order";

/** The outcome of `CivilZone.toInstants`. Rows are 0-based positions in its input. */
export interface CivilInstants {
  /** i64[n] ns since 1970-01-01T00:00:00Z, in the order of the rows. */
  instants: BigInt64Array;
  /** How many rows name a local time that happens twice. */
  ambiguous: number;
  /** How many rows name a local time that the zone skips. */
  nonexistent: number;
  firstAmbiguousRow?: number;
  firstNonexistentRow?: number;
}

/** A run of instants with one UTC offset; all in ns, the bounds as local wall-clock time. */
interface Stretch {
  localStart: bigint;
  localEnd: bigint;
  offset: bigint;
}

/**
 * A time zone of the IANA database, as an exact map from local wall-clock time to instants.
 *
 * The rules come from the runtime's `Intl`, which is slow, so each year that the data touches is read once:
 * one offset a day, and every change bisected to the second.
 */
export class CivilZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #years = new Map<number, readonly Stretch[]>();

  /** Throws AlignError `MANIFEST_ZONE` when the runtime does not know the zone. */
  constructor(zone: string) {
    this.name = zone;
    try {
      this.#format = new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        calendar: "gregory",
        numberingSystem: "latn",
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch (cause) {
      throw new AlignError("MANIFEST_ZONE", `"${zone}" is not a known time zone`, {
        hint: 'write a name of the IANA time zone database, e.g. "Europe/Berlin" or "UTC"',
        cause,
      });
    }
  }

  /**
   * Instants of local wall-clock times.
   *
   *   Europe/Berlin   02:10  02:50  02:10  02:50  03:10     on 2026-10-25, when 02:00 to 03:00 happens twice
   *   order           00:10Z 00:50Z 01:10Z 01:50Z 02:10Z    ambiguous: 4
   *
   * local    i64[n] ns of the wall clock counted as if it were UTC, all rows of the stream in the order they were
   *          written, without nulls: `order` goes by backward steps between neighbours
   * policy   of a time that happens twice, `earlier`, `later` or `order` takes one: under `order` the first pass
   *          through the repeated time is the earlier one, and after a backward step inside it the later one;
   *          a row outside starts anew. `reject` only counts: the caller raises the error
   *
   * A time that the zone skips is moved forward by the gap, and counted; under `reject` the caller raises the error.
   * Throws AlignError `SOURCE_TIME_RANGE` for a local time within a day of the ends of int64.
   */
  toInstants(local: BigInt64Array, policy: AmbiguousPolicy): CivilInstants {
    const instants = new BigInt64Array(local.length);
    const result: CivilInstants = { instants, ambiguous: 0, nonexistent: 0 };
    let plain: Stretch = { localStart: 0n, localEnd: 0n, offset: 0n };
    let foldStart: bigint | undefined;
    let laterPass = false;
    for (let row = 0; row < local.length; row++) {
      const time = local[row]!;
      if (time >= plain.localStart && time < plain.localEnd) {
        instants[row] = time - plain.offset;
        foldStart = undefined;
        continue;
      }
      const stretches = this.#stretchesAround(time, row);
      let at = stretches.length - 1;
      while (at > 0 && stretches[at]!.localStart > time) at--;
      const stretch = stretches[at]!;
      const before = stretches[at - 1];
      if (before !== undefined && time < before.localEnd) {
        laterPass = foldStart === stretch.localStart && (laterPass || time < local[row - 1]!);
        foldStart = stretch.localStart;
        result.ambiguous++;
        result.firstAmbiguousRow ??= row;
        const takesLater = policy === "later" || (policy === "order" && laterPass);
        instants[row] = time - (takesLater ? stretch : before).offset;
        continue;
      }
      foldStart = undefined;
      instants[row] = time - stretch.offset;
      if (time >= stretch.localEnd) {
        result.nonexistent++;
        result.firstNonexistentRow ??= row;
        continue;
      }
      plain = alone(stretches, at);
    }
    return result;
  }

  #stretchesAround(time: bigint, row: number): readonly Stretch[] {
    if (time < INT64_MIN + NS_PER_DAY || time > INT64_MAX - NS_PER_DAY) {
      throw new AlignError(
        "SOURCE_TIME_RANGE",
        `local time ${time} ns in ${this.name} is too far from 1970`,
        {
          where: { row },
          hint: "instants go from 1677 to 2262; check the unit and format of the time column",
        },
      );
    }
    const [year] = civilFromDays(Number(time / NS_PER_DAY) - (time < 0n ? 1 : 0));
    let stretches = this.#years.get(year);
    if (stretches === undefined) {
      stretches = this.#readYear(year);
      this.#years.set(year, stretches);
    }
    return stretches;
  }

  #readYear(year: number): readonly Stretch[] {
    const first = (daysFromCivil(year, 1, 1) - 2) * SECONDS_PER_DAY;
    const last = (daysFromCivil(year + 1, 1, 1) + 2) * SECONDS_PER_DAY;
    const starts = [first];
    const offsets = [this.#offsetAt(first)];
    for (let day = first + SECONDS_PER_DAY; day <= last; day += SECONDS_PER_DAY) {
      const after = this.#offsetAt(day);
      if (after === offsets.at(-1)) continue;
      let [low, high] = [day - SECONDS_PER_DAY, day];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (this.#offsetAt(middle) === offsets.at(-1)) low = middle;
        else high = middle;
      }
      starts.push(high);
      offsets.push(after);
    }
    return starts.map((start, i) => ({
      localStart: BigInt(start + offsets[i]!) * NS_PER_SECOND,
      localEnd: BigInt((starts[i + 1] ?? last) + offsets[i]!) * NS_PER_SECOND,
      offset: BigInt(offsets[i]!) * NS_PER_SECOND,
    }));
  }

  /** Local minus UTC at an instant, both in seconds. */
  #offsetAt(seconds: number): number {
    const fields: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(seconds * 1000)) fields[type] = Number(value);
    const days = daysFromCivil(fields.year!, fields.month!, fields.day!);
    return days * SECONDS_PER_DAY + fields.hour! * 3600 + fields.minute! * 60 + fields.second! - seconds;
  }
}

/** The part of a stretch that shares no local time with its neighbours. */
function alone(stretches: readonly Stretch[], at: number): Stretch {
  const part = { ...stretches[at]! };
  const before = stretches[at - 1];
  const after = stretches[at + 1];
  if (before !== undefined && before.localEnd > part.localStart) part.localStart = before.localEnd;
  if (after !== undefined && after.localStart < part.localEnd) part.localEnd = after.localStart;
  return part;
}

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The inverse of `daysFromCivil`, from the same source. */
function civilFromDays(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9);
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

function daysInMonth(year: number, month: number): number {
  return daysFromCivil(month === 12 ? year + 1 : year, (month % 12) + 1, 1) - daysFromCivil(year, month, 1);
}

function pad2(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function badInstant(message: string, hint: string): AlignError {
  return new AlignError("USAGE_INSTANT", message, { hint });
}

function badDuration(message: string, hint: string): AlignError {
  return new AlignError("USAGE_DURATION", message, { hint });
}
