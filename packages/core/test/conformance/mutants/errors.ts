import {
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  createBackend,
  DriverError,
  isCacheError,
  type Stored,
} from '@ninefold/core';
import { mapCapabilities } from '../../support/map-driver.ts';
import { TimedDriver } from '../../support/timed-driver.ts';
import { around, backendMutant, instead, type Mutant, OPERATIONS } from './mutant.ts';

/** Changes the errors of a correct backend. */
function failing(
  right: CacheBackend,
  change: (error: CacheError, args: unknown[], operation: string) => unknown,
): Record<string, unknown> {
  return around(right, async (operation, call, args) => {
    try {
      return await call();
    } catch (error) {
      throw isCacheError(error) ? change(error, args, operation) : error;
    }
  });
}

/** For each code, the rule that catches a backend whose errors of that code have a wrong property. */
const caughtBy: Partial<Record<CacheErrorCode, string>> = {
  INVALID_KEY: 'keys/refuses-empty',
  INVALID_VALUE: 'values/refuses-function',
  INVALID_TTL: 'ttl/refused',
  INVALID_DELTA: 'counters/refuses-delta',
  INVALID_OPTIONS: 'types/refused',
  TYPE_MISMATCH: 'types/mismatch-throws',
  CORRUPT: 'corruption/garbage',
  NOT_A_COUNTER: 'counters/not-a-counter',
  COUNTER_RANGE: 'counters/range',
  TOO_LARGE: 'values/too-large',
  CLOSED: 'lifecycle/closed-exists',
};

/** The same failure without its key. */
const keyless = ({ code, backend, operation, issues, cause, message }: CacheError): CacheError =>
  new CacheError({ code, backend, operation, issues, cause: cause as Error, reason: message.replace(/^.*?: /s, '') });

/** The properties of an error that may be wrong. */
const lies: readonly (readonly [what: string, change: (error: CacheError) => CacheError])[] = [
  ['of another operation', (error) => error.with({ operation: 'create' })],
  ['of another backend', (error) => error.with({ backend: 'another' })],
  ['to be tried again', (error) => error.with({ retryable: true })],
  ['perhaps applied', (error) => error.with({ maybeApplied: true })],
];

/** Refuses values of more than 100,000 bytes. */
class Small extends TimedDriver {
  override readonly capabilities = { ...mapCapabilities, maxValueBytes: 100_000 };

  override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
    for (const [key, value] of entries)
      if (String(value).length > 100_000) throw new DriverError('TOO_LARGE', 'no', { applied: 'no', key });
    super.setMany(entries, ttl);
  }
}

/** Mutants with one wrong property in the errors of one code. */
const lying = Object.entries(caughtBy).map(([code, rule], index): Mutant => {
  const [what, change] = lies[index % lies.length] as (typeof lies)[number];
  return {
    name: `calls ${code} ${what}`,
    breaks: [rule],
    capabilities: { maxValueBytes: 100_000 },
    create: (options, now) => {
      const right = createBackend(new Small(now), options);
      return instead(
        right,
        failing(right, (error) => (error.code === code ? change(error) : error)),
      );
    },
  };
});

export const errorMutants: readonly Mutant[] = [
  ...lying,
  ...OPERATIONS.map((each) =>
    backendMutant(
      `names no key where ${each} fails`,
      [each === 'delete' ? 'keys/refuses-empty' : 'errors/one-class'],
      (right) => failing(right, (error, _, operation) => (operation === each ? keyless(error) : error)),
    ),
  ),
  backendMutant('names no key if a batch of one fails', ['corruption/first-failure', 'errors/one-class'], (right) =>
    failing(right, (error, [keys]) => (Array.isArray(keys) && keys.length === 1 ? keyless(error) : error)),
  ),
  backendMutant('rejects with an object that looks like a CacheError', ['errors/one-class'], (right) =>
    failing(right, ({ code, backend, operation, key, retryable, maybeApplied, message }) => ({
      ...{ name: 'CacheError', code, backend, operation, key, retryable, maybeApplied, message },
      [Symbol.for('ninefold.CacheError')]: true,
    })),
  ),
  backendMutant('quotes a value that is not a counter in the cause of its error', ['errors/no-values'], (right) =>
    failing(right, (error) =>
      error.code === 'NOT_A_COUNTER' ? error.with({ cause: new Error('s3cretValue') }) : error,
    ),
  ),
  backendMutant(
    'fails with errors of its own',
    ['errors/one-class', 'errors/never-thrown', 'values/refuses-undefined', 'keys/refuses-empty'],
    (right) => failing(right, (error) => new Error(error.message)),
  ),
  backendMutant('names neither key nor operation', ['errors/one-class', 'errors/key-cut'], (right) =>
    failing(right, ({ code }) => new CacheError({ code, backend: 'timed', operation: 'close', reason: 'no' })),
  ),
  backendMutant('quotes the value that it refuses', ['errors/no-values'], (right) =>
    failing(right, (error) => error.with({ reason: 'the value is s3cretValue' })),
  ),
  ...(
    [
      ['whole keys as they are', String],
      ['whole keys, escaped', (key: unknown) => JSON.stringify(String(key))],
    ] as const
  ).map(([what, format]) =>
    backendMutant(`shows ${what}`, ['errors/key-cut'], (right) =>
      failing(right, (error, [key]) => Object.assign(error, { message: `${error.message} ${format(key)}` })),
    ),
  ),
  backendMutant(
    'names the first key of a batch for another that is no key',
    ['batches/all-or-nothing-checked'],
    (right) =>
      failing(right, (error, [batch]) =>
        error.code === 'INVALID_KEY' && Array.isArray(batch) ? error.with({ key: [batch].flat(2)[0] }) : error,
      ),
  ),
  {
    name: 'names the first key of a batch whichever is refused',
    breaks: ['batches/all-or-nothing-checked', 'values/too-large'],
    capabilities: { maxValueBytes: 100_000 },
    create: (options, now) => {
      const right = createBackend(new Small(now), options);
      const first = (error: CacheError, [pairs]: unknown[], operation: string): CacheError =>
        operation === 'multiSetValues' && /VALUE|LARGE/.test(error.code)
          ? error.with({ key: (pairs as [string, unknown][])[0]?.[0] })
          : error;
      return instead(right, failing(right, first));
    },
  },
  {
    name: 'has no room any more for a key that had too large a value',
    breaks: ['values/too-large'],
    capabilities: { maxValueBytes: 100_000 },
    create: (options, now) => {
      const full = new Set<string>();
      const right = createBackend(
        new (class extends Small {
          override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
            for (const [key, value] of entries) if (String(value).length > 100_000) full.add(key);
            super.setMany(entries, ttl);
          }
          override get(key: string) {
            return full.has(key) ? undefined : super.get(key);
          }
        })(now),
        options,
      );
      return right;
    },
  },
  {
    name: 'keeps of a batch of large values the first',
    breaks: ['values/largest'],
    capabilities: { maxValueBytes: 100_000 },
    create: (options, now) =>
      createBackend(
        new (class extends Small {
          override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
            super.setMany(
              entries.filter(([, value], index) => index === 0 || String(value).length < 50_000),
              ttl,
            );
          }
        })(now),
        options,
      ),
  },
  backendMutant('does not name the error that a type threw', ['types/validator-message-hidden'], (right) =>
    failing(right, (error) =>
      error.code === 'TYPE_MISMATCH' ? error.with({ reason: 'no', cause: undefined }) : error,
    ),
  ),
  ...(
    [
      ['copies the issues of a validator', { enumerable: false }],
      ['shows the issues of a validator', { enumerable: true }],
    ] as const
  ).map(([name, descriptor]) =>
    backendMutant(name, ['types/issues'], (right) =>
      failing(right, (error) => {
        const { issues } = error;
        if (issues === undefined) return error;
        const value = descriptor.enumerable ? issues : [...issues];
        return Object.defineProperty(error.with({ issues: undefined }), 'issues', { ...descriptor, value });
      }),
    ),
  ),
  {
    name: 'shows keys that should be hidden',
    breaks: ['errors/keys-hidden'],
    create: ({ errorKeys: _, ...options }, now) => createBackend(new TimedDriver(now), options),
  },
  {
    name: 'has one name for all backends',
    breaks: ['errors/name'],
    create: ({ name: _, ...options }, now) => createBackend(new TimedDriver(now), options),
  },
  backendMutant('throws bad input', ['errors/never-thrown'], (right) => ({
    getValue: (key: unknown, options?: never) => {
      if (typeof key !== 'string')
        throw new CacheError({ code: 'INVALID_KEY', backend: 'timed', operation: 'getValue', reason: 'no' });
      return right.getValue(key, options);
    },
  })),
  {
    name: 'takes any options',
    breaks: ['errors/options-refused'],
    create: ({ namespace, timeoutMs }, now) => createBackend(new TimedDriver(now), { namespace, timeoutMs }),
  },
  backendMutant('returns no promise for bad input', ['errors/never-thrown'], (right) => ({
    exists: (key: unknown) => (typeof key === 'string' ? right.exists(key) : undefined),
  })),
  {
    name: 'writes into the options where it can',
    breaks: ['errors/options-untouched'],
    create: (options, now) =>
      createBackend(new TimedDriver(now), Object.isFrozen(options) ? options : Object.assign(options, { seen: true })),
  },
  {
    name: 'writes into the options',
    breaks: ['errors/options-untouched'],
    create: (options, now) => createBackend(new TimedDriver(now), Object.assign(options, { seen: true })),
  },
  backendMutant('shows its entries in JSON', ['errors/shows-nothing'], (right) => {
    const entries: Record<string, unknown> = {};
    return {
      setValue: async (key: string, value: unknown, options?: never) => {
        await right.setValue(key, value, options);
        entries[key] = value;
      },
      toJSON: () => entries,
    };
  }),
];
