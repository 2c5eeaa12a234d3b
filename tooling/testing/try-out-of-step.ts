import type { CacheBackend, CacheError } from '@ninefold/core';
import { expect } from 'vitest';
import type { RewritingProxy } from './rewriting-proxy.ts';

/** Lets the reply to a batch take in the next one, so that those behind it are out of step with their commands. */
export async function tryOutOfStep(backend: CacheBackend, proxy: RewritingProxy): Promise<void> {
  await backend.multiSetValues([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  proxy.rewrite = (replies) => replies.replace('*3', '*4');
  const calls = [backend.multiGetValues(['a', 'b', 'c']), ...['a', 'b', 'c', 'a'].map((key) => backend.getValue(key))];
  const [batch, ...reads] = calls.map((call) => call.catch(({ code }: CacheError) => code));
  expect(await batch).toBe('BACKEND');
  // They are tried again, on a connection whose replies are in step.
  proxy.heal();
  expect(await Promise.all(reads)).toEqual([1, 2, 3, 1]);
}
