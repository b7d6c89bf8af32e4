/** The process exit status that each family of error leads to (see README, "Exit codes"). */
const exitCodes = {
  BUG: 1,
  USAGE: 2,
  MANIFEST: 3,
  SOURCE: 4,
  CLOCK: 5,
  REQUIREMENT: 6,
  OUTPUT: 7,
  INTERRUPTED: 130,
} as const;

export type ErrorFamily = keyof typeof exitCodes;

/** Where an error lies: a file position, or a source, tag, row and instant. Rows are 0-based. */
export interface ErrorPlace {
  file?: string;
  line?: number;
  column?: number;
  source?: string;
  tag?: string;
  /** 0-based row of the input. */
  row?: number;
  /** ISO 8601, on the source's own clock. */
  time?: string;
  input?: string;
}

export interface AlignErrorOptions {
  where?: ErrorPlace;
  hint?: string;
  cause?: unknown;
}

/**
 * The only error that tagalign throws on purpose.
 *
 * `code` is FAMILY_DETAIL, for example `SOURCE_MISSING_COLUMN`; the family decides the exit status.
 * `message` says what is wrong, `where` says where, `hint` says what to do.
 */
export class AlignError extends Error {
  override readonly name = "AlignError";
  readonly code: string;
  readonly where?: ErrorPlace;
  readonly hint?: string;

  constructor(
    code: `${ErrorFamily}_${string}` | "INTERRUPTED",
    message: string,
    options: AlignErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.where !== undefined) this.where = options.where;
    if (options.hint !== undefined) this.hint = options.hint;
  }

  get exitCode(): number {
    return exitCodes[this.code.split("_", 1)[0] as ErrorFamily] ?? exitCodes.BUG;
  }
}
