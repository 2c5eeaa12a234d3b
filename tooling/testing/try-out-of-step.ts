import type { CacheBackend } from '@ninefold/core';
import { expect } from 'vitest';
import { failureOf } from './failure-of.ts';
import type { RewritingProxy } from './rewriting-proxy.ts';

/** Lets the reply to a batch take in the next one, so that those behind it are out of step with their commands. */
export async function tryOutOfStep(backend: CacheBackend, proxy: RewritingProxy): Promise<void> {
  await backend.multiSetValues([
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['text', 'none'],
  ]);
  proxy.rewrite = (replies) => replies.replace('*3', '*4');
  const batch = failureOf(backend.multiGetValues(['a', 'b', 'c']));
  const reads = ['a', 'b'].map((key) => backend.getValue(key));
  // For node-redis, its refusal would make the read before it a miss.
  const count = failureOf(backend.incr('text'));
  reads.push(...['c', 'a'].map((key) => backend.getValue(key)));
  expect(await batch).toMatchObject({ code: 'BACKEND' });
  // They are tried again, on a connection whose replies are in step.
  proxy.heal();
  expect(await Promise.all(reads)).toEqual([1, 2, 3, 1]);
  // A write is not, because it may have been applied.
  expect(await count).toMatchObject({ maybeApplied: true });
}
