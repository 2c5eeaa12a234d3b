import type { CacheBackend } from '@ninefold/core';

/** The promise that holds back a request or a reply, if any. */
export type Hold = (operation: string, args: readonly unknown[]) => Promise<unknown> | undefined;

/** A backend whose replies, and perhaps requests, can be held back. */
export function held(backend: CacheBackend, hold: Hold, holdRequest: Hold = () => undefined): CacheBackend {
  return new Proxy(backend, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        await holdRequest(String(property), args);
        const result = await (member.apply(target, args) as Promise<unknown>);
        await hold(String(property), args);
        return result;
      };
    },
  });
}
