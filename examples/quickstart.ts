// `npm start` runs this program: the nine operations on real documents, in memory or on the server that a URL names.
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { type CacheBackend, isCacheError, observed } from '@ninefold/core';
import { z } from 'zod';
import { Failure } from './failure.ts';
import { type Manifest, readManifests } from './manifests.ts';
import { openBackend } from './open-backend.ts';
import { Report } from './report.ts';

const PackageManifest = z.looseObject({ name: z.string(), version: z.string(), license: z.unknown().optional() });
/** Seconds. Entries expire on the server even if this program is killed. */
const TTL = 600;
const SHORT_TTL = 1;

const report = new Report();
try {
  await main(addressOf(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof Failure) && !isCacheError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(address: string): Promise<void> {
  const manifests = readManifests(process.cwd());
  const backend = await openBackend(address, { namespace: `quickstart-${process.pid}-${Date.now()}` });
  const cache = observed(backend, report.listener);
  try {
    await cacheAndReadBack(cache, manifests);
    await count(cache, manifests);
    await expire(cache);
    await remove(cache, manifests);
  } finally {
    await cache.close();
  }
  report.explain('close', 'released its resources');
  const kilobytes = Math.round(JSON.stringify([...manifests.values()]).length / 1000);
  report.print(
    `Ninefold on ${cache.name}: ${manifests.size} package manifests, ${kilobytes} kB of JSON`,
    `${manifests.size} manifests came back equal, one by one and in a batch`,
  );
}

async function cacheAndReadBack(cache: CacheBackend, manifests: ReadonlyMap<string, Manifest>): Promise<void> {
  await cache.multiSetValues(manifests, { ttl: TTL });
  report.explain('multiSetValues', 'cached all in one batch');
  for (const [key, manifest] of manifests) check(await cache.getValue(key), manifest, key);
  report.explain('getValue', 'read each; one had expired');
  const keys = [...manifests.keys()];
  const typed = await cache.multiGetValues(keys, { type: PackageManifest });
  typed.forEach((manifest, index) => {
    check(manifest, manifests.get(keys[index] as string), keys[index] as string);
  });
  report.explain('multiGetValues', 'read all, typed by zod');
}

async function count(cache: CacheBackend, manifests: ReadonlyMap<string, Manifest>): Promise<void> {
  const expected = new Map<string, number>();
  for (const { license } of manifests.values()) {
    const key = licenceKey(license);
    expected.set(key, (expected.get(key) ?? 0) + 1);
    check(await cache.incr(key, 1, { ttl: TTL }), expected.get(key), key);
  }
  const mit = expected.get(licenceKey('MIT')) ?? 0;
  report.explain('incr', `counted licences: MIT ${mit}`);
}

async function expire(cache: CacheBackend): Promise<void> {
  await cache.setValue('short-lived', { soon: 'gone' }, { ttl: SHORT_TTL });
  report.explain('setValue', `stored one for ${SHORT_TTL} s`);
  check(await cache.exists('short-lived'), true, 'short-lived');
  await sleep(1000 * (SHORT_TTL + cache.capabilities.ttlGranularity) + 50);
  check(await cache.exists('short-lived'), false, 'short-lived');
  report.explain('exists', `found, ${SHORT_TTL} s later gone`);
  check(await cache.getValue('short-lived'), undefined, 'short-lived');
}

async function remove(cache: CacheBackend, manifests: ReadonlyMap<string, Manifest>): Promise<void> {
  const licences = new Set([...manifests.values()].map(({ license }) => licenceKey(license)));
  const [first = '', ...others] = [...manifests.keys(), ...licences];
  check(await cache.delete(first), 1, first);
  report.explain('delete', 'removed one');
  check(await cache.deleteMany([...others, 'short-lived']), others.length, 'deleteMany');
  report.explain('deleteMany', 'removed the rest');
}

function licenceKey(license: unknown): string {
  return `licence:${typeof license === 'string' ? license : 'other'}`;
}

function check(actual: unknown, expected: unknown, key: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new Failure(`${key} did not come back as it was stored`);
}

function addressOf(args: readonly string[]): string {
  try {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
    if (positionals.length <= 1) return positionals[0] ?? 'memory:';
  } catch {
    // `parseArgs` throws on an option; there are none.
  }
  throw new Failure('usage: npm start -- [url of a cache server]; without a URL the cache is in memory');
}
