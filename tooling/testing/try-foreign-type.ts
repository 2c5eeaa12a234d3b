import type { CacheBackend } from '@ninefold/core';
import { expect } from 'vitest';
import type { ServerProcess } from '../servers/process.ts';
import { ask } from '../servers/redis.ts';
import { failureOf } from './failure-of.ts';

/** Tries each operation of a backend without a namespace on keys of its server that hold a list, which no backend writes. */
export async function tryForeignType(backend: CacheBackend, server: ServerProcess): Promise<void> {
  await ask(server, 'LPUSH', 'list', 's3cretValue');
  await backend.setValue('n', 41);
  const incrs = [backend.incr('list'), backend.incr('list', 2, { ttl: 60 })];
  for (const failure of await Promise.all(incrs.map((incr) => failureOf(incr, ['s3cretValue']))))
    expect(failure).toMatchObject({ code: 'NOT_A_COUNTER', maybeApplied: false, cause: { code: 'WRONGTYPE' } });
  expect(await ask(server, 'LLEN', 'list')).toBe('1');
  expect(await backend.getValue('list')).toBeUndefined();
  expect(await Promise.all(['list', 'n', 'list'].map((key) => backend.getValue(key)))).toEqual([
    undefined,
    41,
    undefined,
  ]);
  expect(await backend.multiGetValues(['list', 'n'])).toEqual([undefined, 41]);
  expect(await backend.exists('list')).toBe(true);
  await backend.setValue('list', 1);
  expect(await backend.incr('list')).toBe(2);
  for (const ttl of [undefined, 60]) {
    for (const key of ['a', 'b']) await ask(server, 'LPUSH', key, 'x');
    await backend.multiSetValues(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      { ttl },
    );
    expect(await backend.multiGetValues(['a', 'b'])).toEqual([1, 2]);
    expect(await backend.deleteMany(['a', 'b'])).toBe(2);
  }
  await ask(server, 'LPUSH', 'other', 'x');
  expect(await backend.delete('other')).toBe(1);
}
