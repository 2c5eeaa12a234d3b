import { deepStrictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { kinds } from './data.ts';
import type { Role } from './results.ts';

type Entries = readonly (readonly [key: string, value: unknown])[];

/** A cache as the workloads use it. TTLs are in seconds. */
export interface Peer {
  readonly name: string;
  readonly role: Role;
  /** The peer whose store this one stands on, with the same one call for a batch. */
  readonly onStoreOf?: string;
  get(key: string): unknown;
  set(key: string, value: unknown, ttl?: number): unknown;
  /** Its own batch API; without one the workloads call `get` for each key, all at once. */
  getMany?(keys: readonly string[]): unknown;
  setMany?(entries: Entries, ttl: number): unknown;
  /** Which of the two are loops over single requests inside. */
  readonly loops?: readonly ('getMany' | 'setMany')[];
  incr?(key: string): unknown;
  close?(): unknown;
}

/** What was tried of a peer, and not taken from its documentation. */
export interface Traits {
  readonly copies: boolean;
  readonly keepsDates: boolean;
  readonly keepsTtl: boolean;
  /** Its batch read finds what is there, where it has one. */
  readonly readsBatches: boolean;
}

/** Seconds; what every backend keeps, and one step of memcached's clock more. */
const SHORT_TTL = 1;
const EXPIRED_MS = 3100;

/** Tries what a peer keeps: values as they were, copies of its own, the TTL. */
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
  const batch = peer.getMany === undefined ? [] : await peer.getMany(['trait:copy']);
  const readsBatches = equals(batch, [row.make(2)]);
  await peer.set('trait:dates', annotated.make(1));
  const keepsDates = equals(await peer.get('trait:dates'), annotated.make(1));
  await peer.set('trait:ttl', row.make(1), SHORT_TTL);
  await sleep(EXPIRED_MS);
  const expired = await peer.get('trait:ttl');
  return { copies, keepsDates, keepsTtl: expired === undefined || expired === null, readsBatches };
}

/** The peer as far as it works: without a batch read that finds nothing. */
export function working(peer: Peer, { readsBatches }: Traits): Peer {
  if (readsBatches) return peer;
  const { getMany: _, ...rest } = peer;
  return rest;
}

/** What a peer gives up, in a few words each. */
export function lacksOf({ copies, keepsDates, keepsTtl }: Traits): string[] {
  return [...(copies ? [] : ['copies']), ...(keepsDates ? [] : ['Dates and Maps']), ...(keepsTtl ? [] : ['TTL'])];
}

/** Whether a batch is one request. */
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
