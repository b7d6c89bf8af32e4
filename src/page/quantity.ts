/**
 * A span of ns in the unit that suits its size: `-180 ms`, `2.5 us`, `-1 d 16 h 15 min`.
 *
 * The browser runs this function from its own text, so it uses nothing outside itself.
 */
export function quantityText(ns: number, digits = 4): string {
  if (!Number.isFinite(ns)) return "none";
  const size = Math.abs(ns);
  const sign = ns < 0 ? "-" : "";
  if (size < 60e9) {
    const [scale, unit] =
      size >= 1e9 ? [1e9, "s"] : size >= 1e6 ? [1e6, "ms"] : size >= 1e3 ? [1e3, "us"] : [1, "ns"];
    return `${sign}${Number((size / (scale as number)).toPrecision(digits))} ${unit}`;
  }
  const seconds = size / 1e9;
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor((seconds % 60) * 1000) / 1000, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 3).filter(([count]) => count > 0);
  return sign + shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** The same with a sign in front of what is above zero. */
export function signedText(ns: number, digits = 4): string {
  return `${ns > 0 ? "+" : ""}${quantityText(ns, digits)}`;
}
