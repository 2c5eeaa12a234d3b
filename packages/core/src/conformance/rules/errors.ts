import { isCacheError } from '../../errors.ts';
import type { Rule, Trial } from '../rule.ts';

/** A failure of each kind that needs no fault. */
async function failures({ cache, rejects }: Trial, key: string): Promise<unknown[]> {
  await cache.setValue(key, 's3cretValue');
  return [
    await rejects(
      cache.setValue(key, () => 1),
      'INVALID_VALUE',
    ),
    await rejects(cache.setValue(key, 1, { ttl: 0 }), 'INVALID_TTL'),
    await rejects(cache.incr(key, 0.5), 'INVALID_DELTA'),
    await rejects(cache.getValue(key, { type: () => undefined }), 'TYPE_MISMATCH'),
    await rejects(cache.multiGetValues([key], { type: () => undefined }), 'TYPE_MISMATCH'),
  ];
}

export const errors: readonly Rule[] = [
  {
    id: 'errors/one-class',
    text: 'every failure is a CacheError, an Error, and says which backend, operation and key',
    run: async (trial) => {
      const { cache, equal, holds } = trial;
      const all = await failures(trial, 'k');
      for (const failure of all) {
        if (!isCacheError(failure)) throw failure;
        holds(failure instanceof Error && failure.name === 'CacheError', 'an Error named CacheError');
        equal([failure.backend, failure.key, failure.maybeApplied], [cache.name, 'k', false]);
        holds(
          failure.message.startsWith(`[${cache.name}] ${failure.operation}`),
          `the message to begin with [${cache.name}] and the operation`,
        );
      }
      equal(
        all.map((failure) => (failure as { operation: string }).operation),
        ['setValue', 'setValue', 'incr', 'getValue', 'multiGetValues'],
      );
    },
  },
  {
    id: 'errors/no-values',
    text: 'no error shows a cached value',
    run: async (trial) => {
      for (const failure of await failures(trial, 'k')) {
        const error = failure as Error;
        const told = `${String(error)}${error.stack}${JSON.stringify(error)}${String(error.cause)}`;
        trial.holds(!told.includes('s3cretValue'), 'no value in an error');
      }
    },
  },
  {
    id: 'errors/key-cut',
    text: 'a message shows 64 characters of a key, control characters escaped; the property has all of it',
    run: async ({ cache, equal, holds, rejects }) => {
      const key = `a\r\n\u001b[31m${'k'.repeat(300)}`;
      const failure = await rejects(cache.setValue(key, 1, { ttl: -1 }), 'INVALID_TTL');
      equal(failure.key, key);
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
      for (const failure of await failures({ ...trial, cache }, 's3cretKey')) {
        const error = failure as Error & { key?: unknown };
        const told = `${String(error)}${error.stack}${JSON.stringify(error)}${String(error.cause)}`;
        trial.holds(!told.includes('s3cretKey') && error.key === undefined, 'no key in an error');
      }
    },
  },
  {
    id: 'errors/name',
    text: 'a backend may be given a name, which its errors bear',
    run: async ({ open, equal, rejects }) => {
      const cache = await open({ name: 'sessions' });
      equal(cache.name, 'sessions');
      const failure = await rejects(cache.setValue('k', undefined), 'INVALID_VALUE');
      equal([failure.backend, failure.message.startsWith('[sessions] setValue "k": ')], ['sessions', true]);
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
          holds(false, 'a rejection, it was thrown');
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
    text: 'options that cannot be used are refused at once as INVALID_OPTIONS',
    run: async ({ open, holds }) => {
      const bad = [{ name: '' }, { serializer: {} }, { onUnreadable: 'ignore' }, { errorKeys: true }] as never[];
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
    text: 'the options of the caller are left as they were, frozen ones too',
    run: async ({ open, equal, namespace }) => {
      const options = Object.freeze({ namespace, name: 'mine', onUnreadable: undefined, serializer: undefined });
      const cache = await open(options);
      await cache.setValue('k', 1);
      equal(Object.keys(options), ['namespace', 'name', 'onUnreadable', 'serializer']);
    },
  },
  {
    id: 'errors/shows-nothing',
    text: 'a backend shows no secret in JSON',
    run: async ({ open, holds }) => {
      const cache = await open({ name: 'mine' });
      await cache.setValue('s3cretKey', 's3cretValue');
      holds(!/s3cret/.test(JSON.stringify(cache) ?? ''), 'neither keys nor values');
    },
  },
];
