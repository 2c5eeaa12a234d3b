import type { CacheBackend } from '@ninefold/core';
import { memoryBackend } from '@ninefold/memory';
import { expect, it } from 'vitest';
import { labs } from './support/labs.ts';
import { tryAtRandom, tryOn } from './support/try-on.ts';
import { withoutBumps } from './support/wrong-backends.ts';

for (const [name, start] of Object.entries(labs)) tryOn(name, start);

it('random delays reveal a delete that does not bump the epoch', async () => {
  const backends = new Map<string, CacheBackend>();
  const create = (namespace: string): CacheBackend => {
    const backend = backends.get(namespace) ?? withoutBumps('!e:')(memoryBackend());
    backends.set(namespace, backend);
    return backend;
  };
  // The delays are random: more sequences run until one reveals it.
  for (let seed = 0; (await tryAtRandom(seed, create)).length === 0; seed++) expect(seed).toBeLessThan(30);
});
