import type { StandardSchemaV1 } from '@standard-schema/spec';

/** The codes of a `CacheError`. A minor version may add codes. */
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
  /** One of the nine operations, `create` for a factory, or an operation of a package built on a backend. */
  readonly operation: string;
  /** What went wrong, in words that do not quote a value or a secret. */
  readonly reason: string;
  readonly key?: string | undefined;
  /** Default: true for `TIMEOUT` and `UNAVAILABLE`. */
  readonly retryable?: boolean | undefined;
  /** Default: false. */
  readonly maybeApplied?: boolean | undefined;
  readonly issues?: readonly StandardSchemaV1.Issue[] | undefined;
  readonly cause?: Error | undefined;
}

const BRAND = Symbol.for('ninefold.CacheError');

/**
 * The only error class of this library. Act on its `code`. Neither it nor its cause holds a password, a token or a
 * cached value. The exception is `issues`, the validator's own objects, which `inspect` and JSON leave out.
 */
export class CacheError extends Error {
  readonly code: CacheErrorCode;
  readonly backend: string;
  /** One of the nine operations, `create` for a factory, or an operation of a package built on a backend. */
  readonly operation: string;
  /** The caller's key; for a batch, the first that failed in input order. Absent with `errorKeys: 'hidden'`. */
  declare readonly key?: string;
  /** For `TYPE_MISMATCH`: the validator's own objects, which may quote the value. Not enumerable. */
  declare readonly issues?: readonly StandardSchemaV1.Issue[];
  /** Whether the same call may succeed later without any intervention. */
  readonly retryable: boolean;
  /**
   * `false`: certainly not applied, and never will be. `true`: may take effect at any time, even over a newer write.
   */
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

  /** A copy with another backend, operation or key, for wrappers that rename what they pass on. */
  with(changes: Partial<CacheErrorOptions>): CacheError {
    return new CacheError({ ...this.#options, ...changes });
  }
}

/** Recognises a `CacheError` made by any copy of this package. */
export function isCacheError(error: unknown): error is CacheError {
  return (error as { [BRAND]?: unknown } | null | undefined)?.[BRAND] === true;
}

/** The safe parts of a client's error: no arguments, no URL, no payload, no stack. */
export interface CauseOptions {
  readonly name?: string | undefined;
  /** The code of the server or the system, such as `OOM` or `ECONNREFUSED`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** Builds a cause that is safe to show. Raw client errors carry passwords and values, so none is ever attached. */
export function createCause(options: CauseOptions): Error {
  const cause: Error & { code?: string } = new Error(options.message ?? '');
  cause.name = options.name ?? 'Error';
  if (options.code !== undefined) cause.code = options.code;
  // The stack would point here, not at the failure.
  cause.stack = String(cause);
  return cause;
}

/** A cause with the name and stack frames of an arbitrary error, without its message, which may quote a value. */
export function causeOf(error: unknown): Error {
  const cause = createCause({ name: nameOf(error) });
  cause.stack = [cause.name, ...framesOf(error)].join('\n');
  return cause;
}

/** The frames of an error's stack, which follow the message. Lines of the message may look like frames. */
function framesOf(error: unknown): readonly string[] {
  try {
    const { message, stack } = error as { readonly message: string; readonly stack: string };
    const start = stack.indexOf(`${message}\n`);
    // The name and a colon precede the message, unless the message was changed after the stack was captured.
    const isBefore = /^[\w$.]*(?:: )?$/.test(stack.slice(0, start));
    if (!(error instanceof Error) || typeof message !== 'string' || !isBefore) return [];
    const frames = stack.slice(start + message.length).split('\n');
    return frames.filter((line) => /^\s+at .+:\d+:\d+\)?$/.test(line));
  } catch {
    // A property is no text, or its getter or `Error.prepareStackTrace` throws.
    return [];
  }
}

/** The name of a thrown thing, for errors whose message is not safe to show. */
export function nameOf(error: unknown): string {
  try {
    const name: unknown = error instanceof Error ? error.name : typeof error;
    if (typeof name === 'string' && /^[\w$.]{1,64}$/.test(name)) return name;
  } catch {
    // Its getter throws.
  }
  return 'Error';
}

const KEY_SHOWN = 64;

function quoteKey(key: string): string {
  // Cutting a surrogate pair leaves a lone surrogate, which `JSON.stringify` escapes.
  const shown = key.slice(0, KEY_SHOWN);
  const escaped = JSON.stringify(shown).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return shown === key ? escaped : `${escaped}…`;
}
