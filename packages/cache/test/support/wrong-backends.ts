import { type CacheBackend, CacheError } from '@ninefold/core';

type Wrong = (backend: CacheBackend) => CacheBackend;

/** The backend with some of its operations done wrong. */
function change(backend: CacheBackend, wrong: Partial<CacheBackend>): CacheBackend {
  return new Proxy(backend, {
    get: (target, property) => {
      const member: unknown = Reflect.get(property in wrong ? wrong : target, property);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** Does not bump counters with this prefix, like a cache that deletes and does not fence. */
export function withoutBumps(prefix: string): Wrong {
  return (backend) =>
    change(backend, {
      incr: (key, delta, options) =>
        delta === 1 && key.startsWith(prefix)
          ? backend.getValue<number>(key).then((found) => found ?? 0)
          : backend.incr(key, delta, options),
    });
}

/** Reads the fence when the entry is written, and not before the load. */
export const lateFence: Wrong = (backend) =>
  change(backend, {
    setValue: async (key, value, options) => {
      const [loaded, , ...tags] = value as [unknown, number, ...string[]];
      const counters = ['!g', `!e:${key}`, ...tags.map((tag) => `!t:${tag}`)];
      const versions = await backend.multiGetValues<number>(counters);
      const stamp = versions.reduce<number>((total, version) => total + (version ?? Number.NaN), 0);
      await backend.setValue(key, [loaded, stamp, ...tags], options);
    },
  });

/** Reads of counters return the previous read's value, like a lagging replica. */
export const lagging: Wrong = (backend) => {
  const answered = new Map<string, unknown>();
  return change(backend, {
    multiGetValues: async (keys: readonly string[]) => {
      const found = await backend.multiGetValues(keys);
      return keys.map((key, index) => {
        const before = answered.get(key);
        answered.set(key, found[index]);
        return key.startsWith('!') ? before : found[index];
      }) as never[];
    },
  });
};

/** Fails two of five requests for leases, like one node of several that is down now and then. Not wrong, but hard to serve. */
export const withoutLeases: Wrong = (backend) => {
  let requests = 0;
  const request = async <T>(key: string, send: () => Promise<T>): Promise<T> => {
    if (key.startsWith('!l:')) requests += 1;
    if (!key.startsWith('!l:') || requests % 5 > 1) return await send();
    throw new CacheError({ code: 'UNAVAILABLE', backend: backend.name, operation: 'exists', reason: 'down' });
  };
  return change(backend, {
    exists: (key) => request(key, () => backend.exists(key)),
    incr: (key, delta, options) => request(key, () => backend.incr(key, delta, options)),
  });
};

/** Refuses every third increment, like a server that is full now and then, and may not evict. Not wrong, but hard to serve. */
export const full: Wrong = (backend) => {
  let increments = 0;
  return change(backend, {
    incr: async (key, delta, options) => {
      increments += 1;
      if (increments % 3 > 0) return await backend.incr(key, delta, options);
      throw new CacheError({ code: 'BACKEND', backend: backend.name, operation: 'incr', reason: 'full' });
    },
  });
};
