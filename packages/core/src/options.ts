import type { CacheBackend } from './backend.ts';
import { CacheError } from './errors.ts';
import { describe, isNamespace } from './keys.ts';
import { MAX_TIMEOUT_MS } from './pending-call.ts';
import type { Serializer } from './serializer.ts';

/** The options of every backend. */
export interface BackendOptions {
  /** The name of this backend in errors. Default: the adapter's name. */
  readonly name?: string | undefined;
  /** `[A-Za-z0-9_.-]{1,64}`. Entries are stored under `namespace:key`. Without one the backend sees all keys. */
  readonly namespace?: string | undefined;
  /** Replaces the default superjson serializer. Safe integers are stored without it, so that `incr` works on them. */
  readonly serializer?: Serializer | undefined;
  /** Whether an entry that is unreadable, or refused by its `type`, is an error (default) or a miss. */
  readonly onUnreadable?: 'throw' | 'miss' | undefined;
  /** Whether errors name the key (default) or omit it. */
  readonly errorKeys?: 'shown' | 'hidden' | undefined;
}

/** The options of every backend that talks to a server. */
export interface RemoteOptions extends BackendOptions {
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`. */
  readonly timeoutMs?: number | undefined;
}

/** For each option: what it must be, in words for the error message, and the check. */
const OPTIONS: Readonly<Record<keyof RemoteOptions, readonly [words: string, fits: (option: unknown) => boolean]>> = {
  name: ['a non-empty string', isName],
  namespace: ['1 to 64 of A-Z a-z 0-9 _ . -', isNamespace],
  serializer: ['an object with the methods serialize and deserialize', isSerializer],
  onUnreadable: ["'throw' or 'miss'", (option) => option === 'throw' || option === 'miss'],
  errorKeys: ["'shown' or 'hidden'", (option) => option === 'shown' || option === 'hidden'],
  timeoutMs: [
    'a number of milliseconds above 0 and below 2^31',
    (timeout) => typeof timeout === 'number' && timeout > 0 && timeout <= MAX_TIMEOUT_MS,
  ],
};

/** Throws `INVALID_OPTIONS` for the first invalid option. `name` is the adapter's name. */
export function checkOptions(name: string, options: RemoteOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOptions(name, options, `options must be an object, not ${describe(options)}`);
  }
  for (const [option, [words, fits]] of Object.entries(OPTIONS)) {
    const value = options[option as keyof RemoteOptions];
    if (value !== undefined && !fits(value)) throw invalidOptions(name, options, `${option} must be ${words}`);
  }
}

/** Throws `INVALID_OPTIONS` if the first argument of a wrapper is not a backend. */
export function checkBackend(backend: CacheBackend | null | undefined): void {
  if (typeof backend?.getValue === 'function') return;
  throw invalidOptions('core', undefined, 'the first argument must be a backend');
}

/** The error that a factory throws for an invalid option. It has the name in the options, or else the adapter's. */
export function invalidOptions(adapter: string, options: BackendOptions | undefined, reason: string): CacheError {
  const name: unknown = options?.name;
  const backend = isName(name) ? name : adapter;
  return new CacheError({ code: 'INVALID_OPTIONS', backend, operation: 'create', reason });
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '';
}

function isSerializer(serializer: unknown): boolean {
  const { serialize, deserialize } = (serializer ?? {}) as Partial<Serializer>;
  return typeof serialize === 'function' && typeof deserialize === 'function';
}
