/** Texts of instants on a clock's own calendar, from days since 1970-01-01 and ns of a day. */
export interface InstantTexts {
  /** Days, and ns of the day, of ns since 1970. */
  readonly splitDay: (ns: bigint) => [day: number, ofDay: bigint];
  readonly dateText: (day: number) => string;
  /** Cut to so many decimals of a second, 0 to 9. */
  readonly clockText: (ofDay: bigint, decimals: number) => string;
}

/** The browser runs this function from its own text, so it uses nothing outside itself. */
export function instantTexts(): InstantTexts {
  const two = (count: bigint | number) => String(count).padStart(2, "0");

  /** Days since 1970 as a date of the Gregorian calendar. */
  const dateText = (day: number) => {
    const shifted = day + 719468;
    const era = Math.floor(shifted / 146097);
    const ofEra = shifted - era * 146097;
    const year = Math.floor(
      (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36524) - Math.floor(ofEra / 146096)) / 365,
    );
    const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
    const fromMarch = Math.floor((5 * ofYear + 2) / 153);
    const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
    const date = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
    return `${String(year + era * 400 + (month <= 2 ? 1 : 0)).padStart(4, "0")}-${two(month)}-${two(date)}`;
  };
  const dayNs = 86_400_000_000_000n;
  const splitDay = (ns: bigint): [day: number, ofDay: bigint] => {
    const rest = ((ns % dayNs) + dayNs) % dayNs;
    return [Number((ns - rest) / dayNs), rest];
  };
  const clockText = (ofDay: bigint, decimals: number) => {
    const seconds = ofDay / 1_000_000_000n;
    const fraction = String(ofDay % 1_000_000_000n)
      .padStart(9, "0")
      .slice(0, decimals);
    const time = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
    return decimals === 0 ? time : `${time}.${fraction}`;
  };
  return { splitDay, dateText, clockText };
}
