import type { StandardSchemaV1 } from '@standard-schema/spec';

/** Codes may be added in a minor version. */
export type CacheErrorCode =
  | 'INVALID_KEY'
  | 'INVALID_VALUE'
  | 'INVALID_TTL'
  | 'INVALID_DELTA'
  | 'INVALID_OPTIONS'
  | 'NOT_A_COUNTER'
  | 'COUNTER_RANGE'
  | 'TYPE_MISMATCH'
  | 'CORRUPT'
  | 'TOO_LARGE'
  | 'UNSUPPORTED'
  | 'TIMEOUT'
  | 'UNAVAILABLE'
  | 'AUTH'
  | 'BACKEND'
  | 'CLOSED';

export interface CacheErrorOptions {
  readonly code: CacheErrorCode;
  /** The backend's name. */
  readonly backend: string;
  /** What failed, as its caller calls it: one of the nine, `create` for the factory, or one of what stands on a backend. */
  readonly operation: string;
  /** What went wrong, in words that quote neither a value nor a secret. */
  readonly reason: string;
  readonly key?: string | undefined;
  /** Default: true for `TIMEOUT` and `UNAVAILABLE`. */
  readonly retryable?: boolean | undefined;
  readonly maybeApplied?: boolean | undefined;
  readonly issues?: readonly StandardSchemaV1.Issue[] | undefined;
  readonly cause?: Error | undefined;
}

const BRAND = Symbol.for('ninefold.CacheError');

/**
 * The one error of this library. Act upon its `code`. Neither it nor its cause holds a password, a token or a cached
 * value, except `issues`, which are the validator's own objects and are left out of `inspect` and JSON.
 */
export class CacheError extends Error {
  readonly code: CacheErrorCode;
  readonly backend: string;
  /** What failed, as its caller calls it: one of the nine, `create` for the factory, or one of what stands on a backend. */
  readonly operation: string;
  /** The key as the caller gave it; of a batch, the first that failed in input order. Absent with `errorKeys: 'hidden'`. */
  declare readonly key?: string;
  /** Of `TYPE_MISMATCH`: the validator's own objects, which may quote the value. Not enumerable. */
  declare readonly issues?: readonly StandardSchemaV1.Issue[];
  /** The same call may succeed later without anyone changing anything. */
  readonly retryable: boolean;
  /** `false`: certainly not applied, now or later. `true`: it may take effect at any later time, even over a newer write. */
  readonly maybeApplied: boolean;
  readonly #options: CacheErrorOptions;

  constructor(options: CacheErrorOptions) {
    const { code, backend, operation, reason, key, issues, cause } = options;
    const where = key === undefined ? operation : `${operation} ${quoteKey(key)}`;
    super(`[${backend}] ${where}: ${reason}`, cause === undefined ? undefined : { cause });
    Object.defineProperty(this, BRAND, { value: true });
    this.code = code;
    this.backend = backend;
    this.operation = operation;
    if (key !== undefined) this.key = key;
    if (issues !== undefined) Object.defineProperty(this, 'issues', { value: issues });
    this.retryable = options.retryable ?? (code === 'TIMEOUT' || code === 'UNAVAILABLE');
    this.maybeApplied = options.maybeApplied ?? false;
    this.#options = options;
  }

  override get name(): string {
    return 'CacheError';
  }

  /** The same failure as another backend's, operation's or key's: for wrappers that rename what they pass on. */
  with(changes: Partial<CacheErrorOptions>): CacheError {
    return new CacheError({ ...this.#options, ...changes });
  }
}

/** Recognises a `CacheError` made by any copy of this package. */
export function isCacheError(error: unknown): error is CacheError {
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: unknown })[BRAND] === true;
}

/** What is left of a client's error: no arguments, no URL, no payload, no frames of its own making. */
export interface CauseOptions {
  readonly name?: string | undefined;
  /** The server's or the system's own code, such as `OOM` or `ECONNREFUSED`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** Builds a cause that can be shown: raw client errors carry passwords and values, so none is ever attached. */
export function createCause(options: CauseOptions): Error {
  const cause: Error & { code?: string } = new Error(options.message ?? '');
  cause.name = options.name ?? 'Error';
  if (options.code !== undefined) cause.code = options.code;
  // Its stack would point here and not at what failed.
  cause.stack = String(cause);
  return cause;
}

/** The name and the place of an error that nobody has vouched for, without its message. */
export function causeOf(error: unknown): Error {
  const cause = createCause({ name: nameOf(error) });
  cause.stack = [cause.name, ...framesOf(error)].join('\n');
  return cause;
}

/** The frames of a stack. They follow the message, whose own lines may look like frames. */
function framesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error) || typeof error.stack !== 'string' || typeof error.message !== 'string') return [];
  const { message, stack } = error;
  const start = stack.indexOf(`${message}\n`);
  // What stands before is a name and a colon, unless the error was reworded since its stack was taken.
  if (start === -1 || !/^[\w$.]*(?:: )?$/.test(stack.slice(0, start))) return [];
  const frames = stack.slice(start + message.length).split('\n');
  return frames.filter((line) => /^\s+at .+:\d+:\d+\)?$/.test(line));
}

/** The name of whatever was thrown: all that is safe to say of an error whose message may quote anything. */
export function nameOf(error: unknown): string {
  const name: unknown = error instanceof Error ? error.name : typeof error;
  return typeof name === 'string' && /^[\w$.]{1,64}$/.test(name) ? name : 'Error';
}

const KEY_SHOWN = 64;

function quoteKey(key: string): string {
  // A cut through a surrogate pair leaves half a character, which the escape below spells out.
  const shown = key.length > KEY_SHOWN ? key.slice(0, KEY_SHOWN) : key;
  const escaped = JSON.stringify(shown).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return shown === key ? escaped : `${escaped}…`;
}
