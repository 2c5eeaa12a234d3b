import { type CacheError, type CacheErrorCode, isCacheError } from '../../errors.ts';
import type { Serializer } from '../../serializer.ts';
import { allTextOf } from '../failure.ts';
import type { Rule, Trial } from '../rule.ts';

/** Writes anything, and throws when it reads. */
const unreading: Serializer = {
  serialize: () => 'text',
  deserialize: (text) => {
    throw new Error(text);
  },
};

/** Causes every kind of error that needs no fault. `rejects` checks the properties of each. */
async function failures({ cache, capabilities, rejects }: Trial, key: string): Promise<readonly CacheError[]> {
  const bad = (): string => 's3cretValue';
  const type = (): never => {
    throw new RangeError('s3cretValue');
  };
  const [halved, full] = [`${key}\ud800`, `${key} full`];
  await cache.multiSetValues([
    [key, 's3cretValue'],
    [full, Number.MAX_SAFE_INTEGER],
  ]);
  const calls: [CacheErrorCode, () => Promise<unknown>][] = [
    ['INVALID_KEY', () => cache.exists(halved)],
    ['INVALID_KEY', () => cache.deleteMany([key, halved])],
    ['INVALID_VALUE', () => cache.setValue(key, bad)],
    ['INVALID_VALUE', () => cache.multiSetValues([[key, bad]])],
    ['INVALID_TTL', () => cache.setValue(key, 's3cretValue', { ttl: 0 })],
    ['INVALID_TTL', () => cache.multiSetValues([[key, 's3cretValue']], { ttl: 0 })],
    ['INVALID_DELTA', () => cache.incr(key, 0.5)],
    ['INVALID_OPTIONS', () => cache.getValue(key, { type: 's3cretValue' as never })],
    ['INVALID_OPTIONS', () => cache.multiGetValues([key], { type: 's3cretValue' as never })],
    ['TYPE_MISMATCH', () => cache.getValue(key, { type })],
    ['TYPE_MISMATCH', () => cache.multiGetValues([key], { type })],
    [capabilities.atomicIncr ? 'NOT_A_COUNTER' : 'UNSUPPORTED', () => cache.incr(key)],
    [capabilities.atomicIncr ? 'COUNTER_RANGE' : 'UNSUPPORTED', () => cache.incr(full)],
  ];
  const failed: CacheError[] = [];
  for (const [code, call] of calls) failed.push(await rejects(call(), code));
  return failed;
}

export const errors: readonly Rule[] = [
  {
    id: 'errors/one-class',
    text: 'every failure is a CacheError that names backend, operation and key',
    run: async (trial) => {
      for (const failure of await failures(trial, 'k')) {
        const { code, operation, key, maybeApplied } = failure;
        trial.holds(key?.startsWith('k') ?? /TTL|OPTIONS/.test(code), `${code} of ${operation} to name its key`);
        trial.holds(!maybeApplied, `${code} of ${operation} to report maybeApplied: false`);
      }
    },
  },
  {
    id: 'errors/no-values',
    text: 'no error shows a cached value',
    run: async (trial) => {
      for (const failure of await failures(trial, 'k'))
        trial.holds(!allTextOf(failure).includes('s3cretValue'), `no value in ${failure.code}`);
    },
  },
  {
    id: 'errors/key-cut',
    text: 'a message shows at most 64 characters of a key, with control characters escaped; `key` has all of it',
    run: async ({ cache, holds, rejects }) => {
      const key = `a\r\n\u001b[31m${'k'.repeat(300)}`;
      const failure = await rejects(cache.setValue(key, 1, { ttl: -1 }), 'INVALID_TTL');
      holds(!/\p{Cc}/u.test(failure.message), 'no control character in the message');
      holds(
        failure.message.includes('k'.repeat(40)) && !failure.message.includes('k'.repeat(65)),
        'at most 64 characters of the key',
      );
    },
  },
  {
    id: 'errors/keys-hidden',
    text: "errorKeys: 'hidden' leaves keys out of errors",
    run: async (trial) => {
      const cache = await trial.open({ errorKeys: 'hidden' });
      const blind = await trial.open({ errorKeys: 'hidden', serializer: unreading });
      await blind.setValue('s3cretKey blind', 'text');
      for (const failure of [
        ...(await failures({ ...trial, cache }, 's3cretKey')),
        await trial.rejects(blind.getValue('s3cretKey blind'), 'CORRUPT'),
        await trial.rejects(blind.multiGetValues(['s3cretKey blind']), 'CORRUPT'),
      ])
        trial.holds(!allTextOf(failure).includes('s3cretKey'), `no key in ${failure.code}`);
    },
  },
  {
    id: 'errors/name',
    text: 'a backend may be given a name, which its errors carry',
    run: async ({ open, equal, rejects }) => {
      const cache = await open({ name: 'sessions' });
      equal(cache.name, 'sessions');
      await rejects(cache.setValue('k', undefined), 'INVALID_VALUE');
    },
  },
  {
    id: 'errors/never-thrown',
    text: 'bad input rejects and is never thrown',
    run: async ({ cache, holds }) => {
      const bad = undefined as never;
      const calls: (() => Promise<unknown>)[] = [
        () => cache.getValue(bad),
        () => cache.setValue(bad, undefined),
        () => cache.multiGetValues(bad),
        () => cache.multiSetValues(bad),
        () => cache.exists(bad),
        () => cache.delete(bad),
        () => cache.deleteMany(bad),
        () => cache.incr(bad),
      ];
      for (const call of calls) {
        let promise: unknown;
        try {
          promise = call();
        } catch {
          holds(false, 'a rejection, not a thrown error');
        }
        holds(typeof (promise as Promise<unknown>)?.then === 'function', 'a promise');
        holds(
          isCacheError(await (promise as Promise<unknown>).catch((error: unknown) => error)),
          'a rejection with a CacheError',
        );
      }
    },
  },
  {
    id: 'errors/options-refused',
    text: 'a factory throws INVALID_OPTIONS for invalid options',
    run: async ({ open, holds }) => {
      const bad = [
        { name: '' },
        { name: 5 },
        { serializer: {} },
        { onUnreadable: 'ignore' },
        { errorKeys: true },
        { timeoutMs: 0 },
        { timeoutMs: Number.NaN },
        { timeoutMs: '1000' },
      ] as never[];
      for (const options of bad) {
        const code = await open(options).then(
          () => 'accepted',
          (error: unknown) => (error as { code?: unknown }).code,
        );
        holds(code === 'INVALID_OPTIONS', `${JSON.stringify(options)} to be refused, got ${String(code)}`);
      }
    },
  },
  {
    id: 'errors/options-untouched',
    text: 'the options of the caller are not modified and may be frozen',
    run: async ({ open, equal, namespace }) => {
      const given = { namespace, name: 'mine', onUnreadable: undefined, serializer: undefined };
      const options = { ...given };
      await (await open(options)).setValue('k', 1);
      equal(options, given);
      await (await open(Object.freeze(options))).setValue('k', 2);
    },
  },
  {
    id: 'errors/shows-nothing',
    text: 'a backend shows no key or value, as a string or in JSON',
    run: async ({ open, holds }) => {
      const cache = await open({ name: 'mine' });
      await cache.setValue('s3cretKey', 's3cretValue');
      holds(!/s3cret/.test(`${String(cache)}${JSON.stringify(cache)}`), 'neither keys nor values');
    },
  },
];
