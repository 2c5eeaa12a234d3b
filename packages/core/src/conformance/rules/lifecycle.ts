import type { CacheBackend } from '../../backend.ts';
import type { Rule } from '../rule.ts';

const operations: readonly [id: string, call: (cache: CacheBackend) => Promise<unknown>][] = [
  ['getValue', (cache) => cache.getValue('k')],
  ['setValue', (cache) => cache.setValue('k', 2)],
  ['multiGetValues', (cache) => cache.multiGetValues(['k'])],
  ['multiSetValues', (cache) => cache.multiSetValues([['k', 2]])],
  ['exists', (cache) => cache.exists('k')],
  ['delete', (cache) => cache.delete('k')],
  ['deleteMany', (cache) => cache.deleteMany(['k'])],
  ['incr', (cache) => cache.incr('k')],
];

export const lifecycle: readonly Rule[] = [
  ...operations.map(
    ([operation, call]): Rule => ({
      id: `lifecycle/closed-${operation}`,
      text: `after close ${operation} rejects CLOSED`,
      run: async ({ open, holds, rejects }) => {
        const cache = await open();
        await cache.setValue('k', 1);
        await cache.close();
        const { maybeApplied } = await rejects(call(cache), 'CLOSED');
        // `maybeApplied` may be true only for calls that were in flight.
        holds(!maybeApplied, `CLOSED of ${operation} to report maybeApplied: false`);
      },
    }),
  ),
  {
    id: 'lifecycle/closed-empty-batches',
    text: 'after close empty batches and bad input reject CLOSED too',
    run: async ({ open, rejects }) => {
      const cache = await open();
      await cache.close();
      await rejects(cache.multiGetValues([]), 'CLOSED');
      await rejects(cache.multiSetValues([]), 'CLOSED');
      await rejects(cache.deleteMany([]), 'CLOSED');
      for (const key of ['', undefined, null, Symbol('k'), { length: 100 }, 5n] as never[])
        await rejects(cache.getValue(key), 'CLOSED');
      await rejects(cache.setValue('k', undefined, { ttl: 0 }), 'CLOSED');
      await rejects(cache.multiSetValues(undefined as never, { ttl: 0 }), 'CLOSED');
      await rejects(cache.multiGetValues(undefined as never, { type: 5 as never }), 'CLOSED');
      await rejects(cache.incr('k', 0.5, { ttl: 0 }), 'CLOSED');
    },
  },
  {
    id: 'lifecycle/closed-changes-nothing',
    text: 'a call after close has no effect',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal, rejects }) => {
      const closed = await open();
      await cache.setValue('k', 1);
      await closed.close();
      for (const [, call] of operations) await rejects(call(closed), 'CLOSED');
      equal(await cache.getValue('k'), 1);
    },
  },
  {
    id: 'lifecycle/idempotent',
    text: 'close resolves undefined, also if called again or concurrently',
    run: async ({ open, equal, holds }) => {
      const cache = await open();
      await cache.setValue('k', 1);
      const twice = [cache.close(), cache.close()];
      for (const each of twice) holds(typeof each?.then === 'function', 'a promise');
      equal([...(await Promise.all(twice)), await cache.close()], [undefined, undefined, undefined]);
    },
  },
  {
    id: 'lifecycle/close-unused',
    text: 'an unused backend can be closed',
    run: async ({ open, equal }) => {
      const cache = await open();
      equal(await cache.close(), undefined);
    },
  },
  {
    id: 'lifecycle/dispose',
    text: 'Symbol.asyncDispose closes the backend',
    run: async ({ open, rejects }) => {
      const cache = await open();
      await cache[Symbol.asyncDispose]();
      await rejects(cache.getValue('k'), 'CLOSED');
    },
  },
  {
    id: 'lifecycle/in-flight',
    text: 'close waits for calls in flight, which get their results; later calls reject CLOSED',
    run: async ({ open, holds, rejects, capabilities }) => {
      const cache = await open();
      await cache.setValue('k', 1);
      const unsupported = capabilities.atomicIncr ? undefined : 'UNSUPPORTED';
      const calls = [...operations.map(([, call]) => call(cache)), cache.getValue('k')].map((call) =>
        call.then(
          () => 'ended',
          (error: unknown) => (error as { code?: unknown }).code,
        ),
      );
      const closing = cache.close();
      await rejects(cache.setValue('k', 3), 'CLOSED');
      await closing;
      const pending = new Promise<string>((resolve) => setTimeout(() => resolve('pending'), 100));
      for (const outcome of await Promise.all(calls.map((call) => Promise.race([call, pending])))) {
        holds(outcome === 'ended' || outcome === unsupported, `a result, got ${String(outcome)}`);
      }
    },
  },
  {
    id: 'lifecycle/others-stay-open',
    text: 'closing one backend does not close another',
    run: async ({ cache, open, equal }) => {
      const other = await open();
      await other.setValue('k', 1);
      await other.close();
      await cache.setValue('k', 2);
      equal(await cache.getValue('k'), 2);
    },
  },
  {
    id: 'lifecycle/entries-stay',
    text: 'entries stay in the server when the backend closes',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal }) => {
      const other = await open();
      await other.setValue('k', { a: 1 });
      await other.close();
      equal(await cache.getValue('k'), { a: 1 });
    },
  },
  {
    id: 'lifecycle/capabilities',
    text: 'a backend has the capabilities of its adapter, with values of the right types',
    run: async ({ cache, capabilities, equal, holds }) => {
      const { shared, atomicIncr, ttlGranularity, maxValueBytes } = cache.capabilities;
      equal(
        [shared, atomicIncr, ttlGranularity, maxValueBytes],
        [capabilities.shared, capabilities.atomicIncr, capabilities.ttlGranularity, capabilities.maxValueBytes],
      );
      holds(
        typeof shared === 'boolean' && typeof atomicIncr === 'boolean' && ttlGranularity > 0,
        'booleans and seconds',
      );
      holds(typeof cache.name === 'string' && cache.name !== '', 'a name');
    },
  },
];
