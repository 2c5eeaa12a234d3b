import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { expect } from 'vitest';
import type { ServerProcess } from '../servers/process.ts';
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

/** Loses the reply to a read that was given up because the server was silent, so that those behind it are out of step. */
export async function tryOutOfStepAfterSilence(
  open: (timeoutMs: number) => CacheBackend,
  proxy: RewritingProxy,
  server: ServerProcess,
): Promise<void> {
  const backend = open(2000);
  await backend.exists('a');
  await server.pause();
  const late = failureOf(backend.getValue('b'));
  await sleep(1500);
  const deleted = Promise.all([failureOf(backend.delete('a')), failureOf(backend.delete('none'))]);
  await late;
  await sleep(500);
  let lost = false;
  proxy.rewrite = (answers) => {
    if (lost) return answers;
    lost = true;
    return answers.replace('$1\r\n2\r\n', '');
  };
  server.resume();
  const code = expect.stringMatching(/^(?:BACKEND|UNAVAILABLE)$/);
  for (const failure of await deleted) expect(failure).toMatchObject({ code, maybeApplied: true });
  await backend.close();
}
