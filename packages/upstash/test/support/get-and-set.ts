import type { CacheBackend } from '@ninefold/core';
import { type UpstashBackendOptions, upstashBackend } from '../../src/upstash.ts';

/** A wrong backend: it increments by a read and a write, between which others come. */
export function getAndSetBackend(options: UpstashBackendOptions): CacheBackend {
  const right = upstashBackend(options);
  const incr = async (key: string, delta = 1): Promise<number> => {
    const sum = ((await right.getValue<number>(key)) ?? 0) + delta;
    await right.setValue(key, sum);
    return sum;
  };
  return new Proxy(right, {
    get: (target, property) => {
      if (property === 'incr') return incr;
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
