import { deepStrictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheBackend } from '@ninefold/core';
import { kinds } from './data.ts';
import type { Role } from './results.ts';

type Entries = readonly (readonly [key: string, value: unknown])[];

/** The interface of a cache to the workloads. TTLs are in seconds. */
export interface Peer {
  readonly name: string;
  readonly role: Role;
  /** The name of the peer whose store this one is built on, and whose batch calls it passes on. */
  readonly onStoreOf?: string;
  get(key: string): unknown;
  set(key: string, value: unknown, ttl?: number): unknown;
  /** The peer's own batch API. Without one, the workloads call `get` for all keys at once. */
  getMany?(keys: readonly string[]): unknown;
  setMany?(entries: Entries, ttl: number): unknown;
  /** Which of the two make one request per key inside. */
  readonly loops?: readonly ('getMany' | 'setMany')[];
  incr?(key: string): unknown;
  close?(): unknown;
}

/** One of our backends as a peer. */
export function ours(cache: CacheBackend, name = 'ninefold'): Peer {
  return {
    name,
    role: 'ours',
    get: (key) => cache.getValue(key),
    set: (key, value, ttl) => cache.setValue(key, value, ttl === undefined ? undefined : { ttl }),
    getMany: (keys) => cache.multiGetValues(keys),
    setMany: (entries, ttl) => cache.multiSetValues(entries, { ttl }),
    incr: (key) => cache.incr(key),
    close: () => cache.close(),
  };
}

/** What tests of a peer have shown, whatever its documentation says. */
export interface Traits {
  readonly copies: boolean;
  readonly keepsDates: boolean;
  readonly keepsTtl: boolean;
  /** Whether it has a batch read that finds stored keys. */
  readonly readsBatches: boolean;
}

/** Seconds. After `EXPIRED_MS` such an entry has expired everywhere, even by memcached's clock of whole seconds. */
const SHORT_TTL = 1;
const EXPIRED_MS = 3100;

/** Tests whether a peer preserves values, copies them and keeps the TTL. */
export async function traitsOf(peer: Peer): Promise<Traits> {
  const { row, annotated } = kinds;
  await peer.set('trait:copy', row.make(1));
  const first = (await peer.get('trait:copy')) as { name: string };
  deepStrictEqual(first, row.make(1), `${peer.name} does not even keep plain data`);
  first.name = 'changed by a reader';
  const copiesOut = equals(await peer.get('trait:copy'), row.make(1));
  const mine = row.make(2) as { name: string };
  await peer.set('trait:copy', mine);
  mine.name = 'changed by the writer';
  const copies = copiesOut && equals(await peer.get('trait:copy'), row.make(2));
  await peer.set('trait:dates', annotated.make(1));
  const keepsDates = equals(await peer.get('trait:dates'), annotated.make(1));
  await peer.set('trait:ttl', row.make(1), SHORT_TTL);
  await sleep(EXPIRED_MS);
  const expired = await peer.get('trait:ttl');
  const keepsTtl = expired === undefined || expired === null;
  return { copies, keepsDates, keepsTtl, readsBatches: await readsBatches(peer) };
}

/** Whether a peer has a batch read that finds stored keys. */
export async function readsBatches(peer: Peer): Promise<boolean> {
  if (peer.getMany === undefined) return false;
  const keys = ['trait:first', 'trait:second'];
  // Of its own, because a peer without copies shares them.
  const values = keys.map((_, index) => kinds.row.make(index));
  for (const [index, key] of keys.entries()) await peer.set(key, values[index]);
  return equals(await peer.getMany(keys), values);
}

/** The peer without its batch read if that does not work. */
export function working(peer: Peer, { readsBatches }: Traits): Peer {
  if (readsBatches) return peer;
  const { getMany: _, ...rest } = peer;
  return rest;
}

/** What a peer lacks, in a few words each. */
export function lacksOf({ copies, keepsDates, keepsTtl }: Traits): string[] {
  return [...(copies ? [] : ['copies']), ...(keepsDates ? [] : ['Dates and Maps']), ...(keepsTtl ? [] : ['TTL'])];
}

/** Whether a batch call is one request. */
export function batches(peer: Peer, call: 'getMany' | 'setMany'): boolean {
  return peer[call] !== undefined && peer.loops?.includes(call) !== true;
}

export async function getMany(peer: Peer, keys: readonly string[]): Promise<readonly unknown[]> {
  if (peer.getMany !== undefined) return (await peer.getMany(keys)) as readonly unknown[];
  return await Promise.all(keys.map((key) => peer.get(key)));
}

export async function setMany(peer: Peer, entries: Entries, ttl: number): Promise<void> {
  if (peer.setMany !== undefined) await peer.setMany(entries, ttl);
  else await Promise.all(entries.map(([key, value]) => peer.set(key, value, ttl)));
}

function equals(value: unknown, expected: unknown): boolean {
  try {
    deepStrictEqual(value, expected);
    return true;
  } catch {
    return false;
  }
}
