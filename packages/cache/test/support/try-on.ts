import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type CacheBackend, scoped } from '@ninefold/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCache } from '../../src/cache.ts';
import { play, programs as sequences } from './interleavings.ts';
import type { Lab } from './labs.ts';
import { pending } from './pending.ts';
import type { Recipe } from './recipe.ts';

const { NINEFOLD_SEED } = process.env;
const PROCESSES = 4;
const CALLERS = 50;
/** Sequences that run in parallel, each in a namespace of its own. */
const RUNS = 100;

const node = ['--conditions=@ninefold/source', '--import', 'tsx'];
const programs = join(import.meta.dirname, '../programs');

/** Runs sequences in parallel under random delays. Resolves the stale reads. */
export async function tryAtRandom(seed: number, create: (namespace: string) => CacheBackend): Promise<string[]> {
  const outcomes = fc.sample(sequences, { numRuns: RUNS, seed }).map(async (callers, index) => {
    const backends = new Set<CacheBackend>();
    const place = {
      create: () => {
        const backend = create(`model-${seed}-${index}`);
        backends.add(backend);
        return backend;
      },
      turn: () => sleep(Math.random() * 4),
      options: { leaseTtl: 1, waitMs: 500 },
    };
    const stale = await play(place, callers);
    await Promise.all([...backends].map((backend) => backend.close()));
    return stale === undefined ? [] : [`sequence ${index} of seed ${seed}: ${stale}`];
  });
  return (await Promise.all(outcomes)).flat();
}

async function stampede(recipe: Recipe): Promise<{ readonly loads: number; readonly by: number }> {
  const task = JSON.stringify({ recipe, processes: PROCESSES, callers: CALLERS });
  const { stdout } = await promisify(execFile)(process.execPath, [...node, join(programs, 'stampede.ts'), task]);
  return JSON.parse(stdout);
}

async function count(recipe: Recipe, namespaces: readonly string[]): Promise<void> {
  const task = JSON.stringify({ recipe, processes: PROCESSES, namespaces });
  await promisify(execFile)(process.execPath, [...node, join(programs, 'counter.ts'), task]);
}

/** Rules that hold with several processes on any server, and under random delays. */
export function tryOn(name: string, start: () => Promise<Lab>): void {
  describe(`on ${name}`, () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await start();
    });

    afterAll(() => lab.stop());

    it('callers in several processes, under random delays, get no value that was outdated before they called', async () => {
      const seed = NINEFOLD_SEED === undefined ? Date.now() : Number(NINEFOLD_SEED);
      expect(await tryAtRandom(seed, (namespace) => lab.create(namespace))).toEqual([]);
    });

    // Entries in memory cannot be shared with another process.
    if (name === 'memory') return;

    it(`${PROCESSES} processes with ${CALLERS} callers each of a missing key load it once`, async () => {
      const recipe = (lab.recipe as NonNullable<Lab['recipe']>)('stampede');
      const outcomes = await Promise.all(Array.from({ length: PROCESSES }, () => stampede(recipe)));
      expect(outcomes.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
      expect(new Set(outcomes.map(({ by }) => by)).size).toBe(1);
    });

    it(`${PROCESSES} processes that count at once in new namespaces count everything`, async () => {
      const recipe = (lab.recipe as NonNullable<Lab['recipe']>)('counts');
      const namespaces = Array.from({ length: 100 }, (_, index) => `new-${index}`);
      await Promise.all(Array.from({ length: PROCESSES }, () => count(recipe, namespaces)));
      const backend = lab.create('counts');
      const counts = namespaces.map((namespace) => createCache(scoped(backend, namespace)).incr('n', 0));
      expect(await Promise.all(counts)).toEqual(namespaces.map(() => PROCESSES));
      await backend.close();
    });

    it('a cache that is closed while it loads gives its lease back, so that nobody waits for it', async () => {
      const closed = createCache(lab.create('closed'));
      const value = pending<string>();
      let late: Promise<string> | undefined;
      await new Promise<void>((loading) => {
        late = closed.getOrSet('k', () => {
          loading();
          return value.promise;
        });
      });
      await closed.close();
      const operations: string[] = [];
      const cache = createCache(lab.create('closed'), { listener: ({ operation }) => operations.push(operation) });
      expect(await cache.getOrSet('k', () => 'mine')).toBe('mine');
      expect(operations).toEqual(['load', 'getOrSet']);
      value.resolve('late');
      expect(await late).toBe('late');
      expect(await cache.get('k')).toBe('mine');
      await cache.close();
    });

    it('a process that is killed while it loads is replaced when its lease ends', async () => {
      const recipe = (lab.recipe as NonNullable<Lab['recipe']>)('killed');
      const victim = spawn(process.execPath, [...node, join(programs, 'victim.ts'), JSON.stringify({ recipe })], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(victim.stdout, 'data');
      victim.kill('SIGKILL');
      await once(victim, 'exit');
      const operations: string[] = [];
      const cache = createCache(lab.create('killed'), { listener: ({ operation }) => operations.push(operation) });
      expect(await cache.getOrSet('k', () => 'mine')).toBe('mine');
      expect(operations).toEqual(['wait', 'load', 'getOrSet']);
      await cache.close();
    });
  });
}
