import { z } from "zod";
import { AlignError } from "../errors.ts";
import { CivilZone, parseDuration, parseInstant } from "../time.ts";
import { nearestWord } from "./nearest.ts";

const DURATION = "^[+-]?\\d+(\\.\\d+)? ?(ns|us|ms|s|m|h|d)$";

/** A key whose text has a reading of its own; a refusal of `read` becomes an issue that keeps its code and hint. */
export function reading<T>(description: string, read: (text: string) => T, json: { pattern?: string } = {}) {
  return z
    .string()
    .transform((text, context): T => {
      try {
        return read(text);
      } catch (error) {
        if (!(error instanceof AlignError)) throw error;
        const params = { code: error.code.replace(/^USAGE/, "MANIFEST"), hint: error.hint };
        context.issues.push({ code: "custom", message: error.message, input: text, params });
        return z.NEVER;
      }
    })
    .meta({ description, ...json });
}

export function duration(description: string) {
  return reading(description, parseDuration, { pattern: DURATION });
}

export function span(description: string) {
  return reading(description, atLeastZero, {
    pattern: DURATION.replace("[+-]?", "\\+?"),
  });
}

export function limit(description: string) {
  return reading(`${description}; "unlimited" is the default`, (text) =>
    text === "unlimited" ? undefined : atLeastZero(text),
  );
}

export function atLeastZero(text: string): bigint {
  const ns = parseDuration(text);
  if (ns < 0n)
    throw new AlignError("MANIFEST_DURATION", `"${text}" is negative`, {
      hint: "write a duration of 0s or more",
    });
  return ns;
}

export function videoStart(text: string) {
  if (text === "creation_time") return { kind: "creation_time" } as const;
  if (/^\d{4}-/.test(text)) return { kind: "instant", ns: parseInstant(text) } as const;
  try {
    return { kind: "duration", ns: parseDuration(text) } as const;
  } catch (cause) {
    throw new AlignError("MANIFEST_START", `"${text}" is neither an instant nor a duration`, {
      hint: 'write an instant with a zone ("2026-05-04T07:12:31.25Z"), a duration ("1.5s") or creation_time',
      cause,
    });
  }
}

export function knownZone(text: string): string {
  try {
    return new CivilZone(text).name;
  } catch (error) {
    const near = nearestWord(text, Intl.supportedValuesOf("timeZone"));
    if (near === undefined || !(error instanceof AlignError)) throw error;
    throw new AlignError("MANIFEST_ZONE", error.message, { hint: `did you mean "${near}"?`, cause: error });
  }
}

export function word(description: string) {
  return z.string().min(1).meta({ description });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T, description: string) {
  return z.enum(values).meta({ description });
}
