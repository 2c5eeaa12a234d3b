import { FaultProxy } from '../../fault-proxy/fault-proxy.ts';
import { batchReads, batchWrites, increments, misses, mix, reads, writes } from './contests.ts';
import { kinds } from './data.ts';
import { type Field, withTraits } from './field.ts';
import { bench, type Contest, warmUp } from './harness.ts';
import { batches, type Peer } from './peer.ts';
import { quick } from './results.ts';

const AT_ONCE = 64;
const BATCHES = [10, 100, 1000];
const DELAYS_MS = [1, 20];
/** Short, because there are many contests with many entrants, and `warmUp` has run each operation before. */
const DURATIONS = { sampleMs: 6, warmUpMs: 100 };

/** Runs every workload on one server, each with all peers that can do it. */
export async function benchField(server: string, field: Field): Promise<void> {
  await warmUp([
    await reads(field, kinds.row, 1),
    await writes(field, kinds.row, 1),
    await batchReads(field, 10),
    await batchWrites(field, 10),
    increments(field, 1),
  ]);
  const all = Object.values(kinds);
  await bench(
    `${server}: one key at a time`,
    [
      ...(await each(all, (kind) => reads(field, kind, 1))),
      ...(await each(all, (kind) => reads(field, kind, AT_ONCE))),
      ...(await each(all, (kind) => writes(field, kind, 1))),
      ...(await each(all, (kind) => writes(field, kind, AT_ONCE))),
    ],
    DURATIONS,
  );
  await bench(
    `${server}: batches of 10 fields, stored with a TTL`,
    [
      ...(await each(BATCHES, (size) => batchReads(field, size))),
      ...(await each(BATCHES, (size) => batchWrites(field, size))),
    ],
    DURATIONS,
  );
  await bench(
    `${server}: misses, counters, and a mix`,
    [
      misses(field, 1),
      misses(field, AT_ONCE),
      increments(field, 1),
      increments(field, AT_ONCE),
      await mix(field, 1),
      await mix(field, AT_ONCE),
    ],
    DURATIONS,
  );
}

/** Measures the cost per key of growing batches. */
export async function benchGrowth(server: string, field: Field): Promise<void> {
  const sizes = quick ? [10, 1000] : [10, 1000, 100_000];
  const oneCall: Field = { peers: field.peers.filter(hasBatches), traits: field.traits };
  await bench(
    `${server}: batches from 10 to 100,000 keys`,
    [
      ...(await each(sizes, (size) => batchReads(oneCall, size, { perKey: true }))),
      ...(await each(sizes, (size) => batchWrites(oneCall, size, { perKey: true }))),
    ],
    DURATIONS,
  );
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Measures with delayed replies, where round trips dominate. The traits come from `near`, the same peers without delay. */
export async function benchDelayed(
  server: string,
  address: Address,
  near: Field,
  peersAt: (address: Address) => readonly Peer[] | Promise<readonly Peer[]>,
): Promise<void> {
  for (const delayMs of DELAYS_MS) {
    const proxy = await FaultProxy.start(address);
    await proxy.set({ kind: 'delay', delayMs });
    const peers = await peersAt({ host: '127.0.0.1', port: proxy.port });
    await benchAway(server, delayMs, withTraits(peers, [...near.traits.values()]));
    for (const peer of peers) await peer.close?.();
    await proxy.stop();
  }
}

async function benchAway(server: string, delayMs: number, field: Field): Promise<void> {
  await bench(
    `${server}: ${delayMs} ms away`,
    [
      await reads(field, kinds.row, 1),
      await reads(field, kinds.row, AT_ONCE),
      await batchReads(field, 100),
      await batchWrites(field, 100),
    ],
    { ...DURATIONS, sampleMs: 1 },
  );
}

/** Leaves out peers built on another peer's store, which show nothing new here and take most of the time. */
function hasBatches(peer: Peer): boolean {
  return batches(peer, 'getMany') && batches(peer, 'setMany') && peer.onStoreOf === undefined;
}

async function each<T>(items: readonly T[], contest: (item: T) => Contest | Promise<Contest>): Promise<Contest[]> {
  const contests: Contest[] = [];
  for (const item of items) contests.push(await contest(item));
  return contests;
}
