import { AlignError } from "../../errors.ts";

/** A kind of value as JSON and back; reading anything that writing cannot have given is `CLOCK_JSON`. */
export interface Codec<T> {
  write(value: T): unknown;
  read(json: unknown, at: string): T;
}

export const number: Codec<number> = {
  write: (value) => value,
  read(json, at) {
    if (typeof json === "number" && Number.isFinite(json)) return json;
    throw junk(at, "must be a finite number", json);
  },
};

export const positive: Codec<number> = limited(number, (value) => value > 0, "must be above 0");

export const notNegative: Codec<number> = limited(number, (value) => value >= 0, "must not be negative");

/** A whole number from 0 on. */
export const count: Codec<number> = limited(
  number,
  (value) => Number.isSafeInteger(value) && value >= 0,
  "must be a count",
);

export const boolean: Codec<boolean> = {
  write: (value) => value,
  read(json, at) {
    if (typeof json === "boolean") return json;
    throw junk(at, "must be true or false", json);
  },
};

export const integer: Codec<bigint> = {
  write: (value) => `${value}`,
  read(json, at) {
    if (typeof json === "string" && /^-?\d{1,20}$/.test(json)) return BigInt(json);
    throw junk(at, "must be an integer as decimal text", json);
  },
};

export function limited<T>({ write, read }: Codec<T>, isFit: (value: T) => boolean, rule: string): Codec<T> {
  return {
    write,
    read(json, at) {
      const value = read(json, at);
      if (isFit(value)) return value;
      throw junk(at, rule, json);
    },
  };
}

/** One value, such as NaN or undefined, is written as null. */
export function orElse<T, E>({ write, read }: Codec<T>, other: E): Codec<T | E> {
  return {
    write: (value) => (Object.is(value, other) ? null : write(value as T)),
    read: (json, at) => (json === null ? other : read(json, at)),
  };
}

export function list<T>({ write, read }: Codec<T>, most: number): Codec<T[]> {
  return {
    write: (values) => values.map(write),
    read(json, at) {
      if (!Array.isArray(json)) throw junk(at, "must be a list", json);
      if (json.length > most) throw junk(`${at}.length`, `must be at most ${most}`, json.length);
      return json.map((one, i) => read(one, `${at}[${i}]`));
    },
  };
}

/** So many finite numbers. */
export function floats(length: number): Codec<Float64Array<ArrayBuffer>> {
  const values = list(number, length);
  return {
    write: (value) => [...value],
    read(json, at) {
      const read = Float64Array.from(values.read(json, at));
      if (read.length !== length) throw junk(`${at}.length`, `must be ${length}`, read.length);
      return read;
    },
  };
}

type Fields<T> = { readonly [K in keyof T]: Codec<T[K]> };

/** An object of some fields; others of its fields are not written. */
export function record<T extends object>(fields: Fields<T>): Codec<T> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  return {
    write: (value) => Object.fromEntries(keys.map((key) => [key, fields[key].write(value[key])])),
    read(json, at) {
      if (typeof json !== "object" || json === null || Array.isArray(json))
        throw junk(at, "must be an object", json);
      const given = json as Record<string, unknown>;
      return Object.fromEntries(keys.map((key) => [key, fields[key].read(given[key], `${at}.${key}`)])) as T;
    },
  };
}

export function junk(at: string, rule: string, value: unknown): AlignError {
  const found =
    typeof value === "object" && value !== null ? (Array.isArray(value) ? "a list" : "an object") : value;
  return new AlignError("CLOCK_JSON", `not a clock tracker: ${at} ${rule}, found ${String(found)}`, {
    hint: "pass what ClockTracker.toJSON() wrote, unchanged",
  });
}

/** An object of a class, by those of its fields that are written. */
export function instance<T extends object, S extends object>(create: () => T, state: Codec<S>): Codec<T> {
  return {
    write: (value) => state.write(value as unknown as S),
    read: (json, at) => Object.assign(create(), state.read(json, at)),
  };
}
