import type { CacheBackend } from '@ninefold/core';

/** What holds an answer back, if anything. */
export type Hold = (operation: string, args: readonly unknown[]) => Promise<unknown> | undefined;

/** A backend whose answers are held back. */
export function held(backend: CacheBackend, hold: Hold): CacheBackend {
  return new Proxy(backend, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        const result = await (member.apply(target, args) as Promise<unknown>);
        await hold(String(property), args);
        return result;
      };
    },
  });
}
