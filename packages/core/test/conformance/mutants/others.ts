import { type CacheBackend, createBackend, DriverError, isCacheError, type Stored } from '@ninefold/core';
import { TimedDriver } from '../../support/timed-driver.ts';
import { sharedDriver } from './keys.ts';
import {
  around,
  backendMutant,
  type Call,
  cacheError,
  driverMutant,
  instead,
  type Mutant,
  OPERATIONS,
} from './mutant.ts';

const closed = OPERATIONS.map((operation) => `lifecycle/closed-${operation}`);

export const lifecycleMutants: readonly Mutant[] = [
  {
    name: 'opens again when it is used after close',
    breaks: [...closed, 'lifecycle/closed-empty-batches', 'lifecycle/dispose'],
    create: (options, now): CacheBackend => {
      const driver = new TimedDriver(now);
      let right = createBackend(driver, options);
      const make = (): CacheBackend => {
        right = createBackend(driver, options);
        return right;
      };
      const base = right;
      const again = Object.fromEntries(
        OPERATIONS.map((operation) => [
          operation,
          (...args: never[]) =>
            (right[operation] as Call).apply(right, args).catch((error: unknown) => {
              if (!isCacheError(error) || error.code !== 'CLOSED') throw error;
              return (make()[operation] as Call).apply(right, args);
            }),
        ]),
      );
      return instead(base, {
        ...again,
        close: () => right.close(),
        [Symbol.asyncDispose as never]: () => right.close(),
      });
    },
  },
  ...(['multiGetValues', 'multiSetValues', 'deleteMany'] as const).map((each) =>
    backendMutant(`answers an empty ${each} after close`, ['lifecycle/closed-empty-batches'], (right) => ({
      [each]: async (...args: never[]) => {
        if (!Array.isArray(args[0]) || (args[0] as unknown[]).length > 0) return await (right[each] as Call)(...args);
        return { multiGetValues: [], multiSetValues: undefined, deleteMany: 0 }[each];
      },
    })),
  ),
  backendMutant(
    'checks the arguments before it checks whether it is closed',
    ['lifecycle/closed-empty-batches'],
    (right) => ({
      incr: async (key: string, delta = 1, options?: never) => {
        if (!Number.isSafeInteger(delta)) throw cacheError('INVALID_DELTA', 'incr', 'no');
        return await right.incr(key, delta, options);
      },
    }),
  ),
  backendMutant('reports maybeApplied for calls after close', closed, (right) =>
    around(right, (_, call) =>
      call().catch((error: unknown) => {
        throw isCacheError(error) && error.code === 'CLOSED' ? error.with({ maybeApplied: true }) : error;
      }),
    ),
  ),
  backendMutant('rejects calls in flight when it closes', ['lifecycle/in-flight'], (right) => {
    let end: (() => void) | undefined;
    const ended = new Promise<never>((_, reject) => {
      end = () => reject(cacheError('CLOSED', 'getValue', 'closed'));
    });
    ended.catch(() => undefined);
    const slowly = async (call: () => Promise<unknown>): Promise<unknown> => {
      const result = await call();
      for (let turn = 0; turn < 9; turn++) await null;
      return result;
    };
    return {
      ...around(right, (_, call) => Promise.race([slowly(call), ended])),
      close: async () => {
        end?.();
        await right.close();
      },
    };
  }),
  backendMutant('returns no promise from close', ['lifecycle/idempotent'], (right) => ({
    close: () => void right.close(),
  })),
  backendMutant('rejects a second close', ['lifecycle/idempotent'], (right) => {
    let count = 0;
    return {
      close: async () => {
        count += 1;
        if (count > 1) throw new Error('the connection is closed');
        await right.close();
      },
    };
  }),
  backendMutant('resolves OK from a close that has nothing to do', ['lifecycle/idempotent'], (right) => {
    let closing: Promise<unknown> | undefined;
    return {
      close: async () => {
        if (closing !== undefined) return 'OK';
        closing = right.close();
        return await closing;
      },
    };
  }),
  backendMutant('resolves OK from close', ['lifecycle/idempotent', 'lifecycle/close-unused'], (right) => ({
    close: async () => {
      await right.close();
      return 'OK';
    },
  })),
  backendMutant('cannot close if it was never used', ['lifecycle/close-unused'], (right) => {
    let used = false;
    return {
      ...around(right, (_, call) => {
        used = true;
        return call();
      }),
      close: async () => {
        if (!used) throw new Error('never connected');
        await right.close();
      },
    };
  }),
  {
    name: 'disposes of nothing',
    breaks: ['lifecycle/dispose'],
    create: (options, now) => {
      const right = createBackend(new TimedDriver(now), options);
      return new Proxy(right, {
        get: (target, property) => {
          if (property === Symbol.asyncDispose) return async () => undefined;
          const member: unknown = Reflect.get(target, property, target);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
    },
  },
  backendMutant('leaves calls in flight pending', ['lifecycle/in-flight'], (right) => {
    let closing = false;
    return {
      ...around(right, async (_, call) => {
        const result = await call();
        await null;
        return closing ? await new Promise(() => undefined) : result;
      }),
      close: async () => {
        closing = true;
        await right.close();
      },
    };
  }),
  {
    name: 'closes the connection of all',
    breaks: ['lifecycle/others-stay-open', 'lifecycle/entries-stay'],
    capabilities: { shared: true },
    create: (options, now) => {
      const right = createBackend(sharedDriver(now), options);
      all.add(right);
      return instead(right, {
        close: async () => {
          await Promise.all([...all].map((backend) => backend.close()));
          all.clear();
        },
      });
    },
  },
  {
    name: 'clears the server when it closes',
    breaks: ['lifecycle/entries-stay'],
    capabilities: { shared: true },
    create: (options, now) => {
      const driver = sharedDriver(now);
      const right = createBackend(driver, options);
      return instead(right, {
        close: async () => {
          await right.close();
          driver.entries.clear();
        },
      });
    },
  },
  driverMutant('has no name', ['lifecycle/capabilities'], (now) =>
    Object.assign(new TimedDriver(now), { name: '' as never }),
  ),
  {
    name: 'has a ttlGranularity of 0',
    breaks: ['lifecycle/capabilities'],
    capabilities: { ttlGranularity: 0 },
    create: (options, now) => {
      const right = createBackend(new TimedDriver(now), options);
      return instead(right, { capabilities: { ...right.capabilities, ttlGranularity: 0 } });
    },
  },
  {
    name: 'claims what it has not',
    breaks: ['lifecycle/capabilities'],
    create: (options, now) =>
      instead(createBackend(new TimedDriver(now), options), {
        capabilities: { shared: 'yes', atomicIncr: true, ttlGranularity: 0, maxValueBytes: undefined },
      }),
  },
];

const all = new Set<CacheBackend>();

export const concurrencyMutants: readonly Mutant[] = [
  backendMutant('answers with the reply to the previous call', ['concurrency/own-results'], (right) => {
    let before: unknown;
    let busy = 0;
    return {
      getValue: async (key: string, options?: never) => {
        busy += 1;
        await null;
        const value = await right.getValue(key, options);
        const answer = busy > 1 ? before : value;
        before = value;
        busy -= 1;
        return answer;
      },
    };
  }),
  backendMutant('keeps one call of a kind at a time', ['concurrency/mixed'], (right) => {
    const running = new Map<string, Promise<unknown>>();
    return around(right, (operation, call) => {
      const known = running.get(operation);
      if (known !== undefined) return known;
      const made = call().finally(() => running.delete(operation));
      running.set(operation, made);
      return made;
    });
  }),
  backendMutant('deletes by a read and a delete', ['concurrency/one-deleter'], (right) => ({
    delete: async (key: string) => {
      const there = await right.exists(key);
      await right.delete(key);
      return there ? 1 : 0;
    },
  })),
  driverMutant(
    'writes values piece by piece',
    ['concurrency/whole-values'],
    (now) =>
      new (class extends TimedDriver {
        override setMany(entries: readonly (readonly [string, string | number])[], ttl: number | undefined): never {
          const [first] = entries;
          if (entries.length > 1 || first === undefined || String(first[1]).length < 4000)
            return super.setMany(entries, ttl) as never;
          const [key, value] = first;
          const old = String(super.get(key) ?? '');
          super.setMany([[key, `${String(value).slice(0, 2000)}${old.slice(2000)}`]], ttl);
          return Promise.resolve()
            .then(() => Promise.resolve())
            .then(() => super.setMany([[key, value]], ttl)) as never;
        }
      })(now),
  ),
  driverMutant('locks the keys of a batch in the order of the caller', ['concurrency/batches-crossing'], (now) => {
    const locked = new Set<string>();
    return new (class extends TimedDriver {
      override async setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): Promise<void> {
        const own: string[] = [];
        try {
          for (const [key] of entries) {
            if (locked.has(key) && own.length > 0) throw new DriverError('BACKEND', 'deadlock', { key });
            while (locked.has(key)) await null;
            locked.add(key);
            own.push(key);
            await null;
          }
          super.setMany(entries, ttl);
        } finally {
          for (const key of own) locked.delete(key);
        }
      }
    })(now);
  }),
  {
    name: 'reads batches from what it has read before',
    breaks: ['concurrency/awaited-order'],
    capabilities: { shared: true },
    create: (options, now) => {
      const right = createBackend(sharedDriver(now), options);
      const near = new Map<string, unknown>();
      const changed = around(right, async (operation, call, [keys, given]) => {
        const result = await call();
        if (!/get|exists/i.test(operation)) near.clear();
        if (operation !== 'multiGetValues' || given !== undefined) return result;
        return (result as unknown[]).map((value, index) => {
          const key = (keys as string[])[index] as string;
          if (value !== undefined && !near.has(key)) near.set(key, value);
          return near.get(key);
        });
      });
      return instead(right, changed);
    },
  },
  {
    name: 'reads from a copy that lags behind',
    breaks: ['concurrency/awaited-order', 'keys/same-namespace-shared'],
    capabilities: { shared: true },
    create: (options, now) => {
      const driver = sharedDriver(now);
      const lagging = new TimedDriver(now);
      const right = createBackend(driver, options);
      const copy = createBackend(lagging, options);
      return instead(right, {
        getValue: async (key: string, given?: never) => {
          const old = await copy.getValue(key, given);
          const found = driver.entries.get(
            [...driver.entries.keys()].find((stored) => stored.endsWith(`:${key}`)) ?? '',
          );
          if (found !== undefined) lagging.entries.set(`${options.namespace}:${key}`, found);
          else lagging.entries.clear();
          return old;
        },
      });
    },
  },
  backendMutant('answers concurrent batch reads with one reply', ['concurrency/batches'], (right) => {
    const running = new Map<number, Promise<unknown>>();
    return {
      multiGetValues: async (keys: string[], options?: never) => {
        if (!Array.isArray(keys) || options !== undefined) return await right.multiGetValues(keys, options);
        const known = running.get(keys.length) ?? right.multiGetValues(keys);
        running.set(keys.length, known);
        return await known.finally(() => running.delete(keys.length));
      },
    };
  }),
  backendMutant('stores only the last of concurrent batches', ['concurrency/batches'], (right) => {
    let last: unknown;
    return {
      multiSetValues: async (pairs: [string, unknown][], options?: never) => {
        last = pairs;
        const set = right.multiSetValues(pairs, options);
        await null;
        await set;
        if (last !== pairs && Array.isArray(pairs)) await right.deleteMany(pairs.map(([key]) => key));
      },
    };
  }),
  backendMutant('counts the entries before it deletes a batch', ['concurrency/batches'], (right) => ({
    deleteMany: async (keys: string[]) => {
      const there = Array.isArray(keys) ? await right.multiGetValues([...new Set(keys)]) : [];
      await right.deleteMany(keys);
      return there.filter((value) => value !== undefined).length;
    },
  })),
  ...OPERATIONS.map((each) =>
    backendMutant(`fails each coalesced ${each} when one fails`, ['concurrency/failures-apart'], (right) => {
      let coalesced: Promise<unknown>[] = [];
      return around(right, async (operation, call) => {
        const made = call();
        if (operation !== each) return await made;
        made.catch(() => undefined);
        coalesced.push(made);
        await null;
        const mine = coalesced;
        await null;
        coalesced = [];
        await Promise.all(mine);
        return await made;
      });
    }),
  ),
  backendMutant('shares one read among concurrent callers', ['concurrency/own-copies'], (right) => {
    const running = new Map<string, Promise<unknown>>();
    return {
      getValue: async (key: string, options?: never) => {
        if (options !== undefined) return await right.getValue(key, options);
        const known = running.get(key) ?? right.getValue(key).finally(() => running.delete(key));
        running.set(key, known);
        return await known;
      },
    };
  }),
  ...(['getValue', 'multiGetValues', 'exists'] as const).map(
    (each): Mutant => ({
      name: `answers ${each} from what it wrote itself`,
      breaks: ['concurrency/awaited-order'],
      capabilities: { shared: true },
      create: (options, now) => {
        const right = createBackend(sharedDriver(now), options);
        const written = new Map<unknown, unknown>();
        const changed = around(right, async (operation, call, [first, value]) => {
          const result = await call();
          if (operation === 'setValue') written.set(first, value);
          else if (/Set|delete|incr/.test(operation)) written.clear();
          if (operation !== each || value !== undefined) return result;
          if (each === 'exists') return written.has(first) || result;
          if (each === 'getValue') return written.get(first) ?? result;
          return (first as string[]).map((key, index) => written.get(key) ?? (result as unknown[])[index]);
        });
        return instead(right, changed);
      },
    }),
  ),
  {
    name: 'resolves a batch before all of it is stored',
    breaks: ['concurrency/linearizable', 'concurrency/batches'],
    capabilities: { shared: true },
    create: (options, now) => {
      const right = createBackend(sharedDriver(now), options);
      return instead(right, {
        multiSetValues: async (pairs: [string, unknown][], given?: never) => {
          if (!Array.isArray(pairs) || pairs.length < 2) return await right.multiSetValues(pairs, given);
          const last = pairs.at(-1) as [string, unknown];
          await right.multiSetValues(pairs.slice(0, -1), given);
          const store = async (): Promise<void> => {
            for (let turn = 0; turn < 9; turn++) await null;
            await right.multiSetValues([last], given);
          };
          store().catch(() => undefined);
        },
      });
    },
  },
  backendMutant('increments by a get and a set, one at a time', ['concurrency/linearizable'], (right) => {
    let before: Promise<unknown> = Promise.resolve();
    return {
      incr: async (key: string, delta = 1, options?: never) => {
        const incremented = before.then(async () => {
          const value = options === undefined ? await right.getValue(key).catch(() => undefined) : undefined;
          if (typeof value !== 'number' || !Number.isSafeInteger(value + delta))
            return await right.incr(key, delta, options);
          await right.setValue(key, value + delta);
          return value + delta;
        });
        before = incremented.catch(() => undefined);
        return await incremented;
      },
    };
  }),
];
