import { FaultProxy } from '../../fault-proxy/fault-proxy.ts';
import { batchReads, batchWrites, increments, misses, mix, reads, writes } from './contests.ts';
import { kinds } from './data.ts';
import { bench, type Contest, warmUp } from './harness.ts';
import { batches, type Peer } from './peer.ts';
import { quick } from './results.ts';
import { type TestedPeers, withTraits } from './tested-peers.ts';

const AT_ONCE = 64;
const BATCHES = [10, 100, 1000];
const DELAYS_MS = [1, 20];
/** Short, because there are many contests with many entrants, and `warmUp` has run each operation before. */
const DURATIONS = { sampleMs: 6, warmUpMs: 100 };

/** Runs every workload on one server, each with all peers that can do it. */
export async function benchWorkloads(server: string, tested: TestedPeers): Promise<void> {
  await warmUp([
    await reads(tested, kinds.row, 1),
    await writes(tested, kinds.row, 1),
    await batchReads(tested, 10),
    await batchWrites(tested, 10),
    increments(tested, 1),
  ]);
  const all = Object.values(kinds);
  await bench(
    `${server}: one key at a time`,
    [
      ...(await each(all, (kind) => reads(tested, kind, 1))),
      ...(await each(all, (kind) => reads(tested, kind, AT_ONCE))),
      ...(await each(all, (kind) => writes(tested, kind, 1))),
      ...(await each(all, (kind) => writes(tested, kind, AT_ONCE))),
    ],
    DURATIONS,
  );
  await bench(
    `${server}: batches of 10 fields, stored with a TTL`,
    [
      ...(await each(BATCHES, (size) => batchReads(tested, size))),
      ...(await each(BATCHES, (size) => batchWrites(tested, size))),
    ],
    DURATIONS,
  );
  await bench(
    `${server}: misses, counters, and a mix`,
    [
      misses(tested, 1),
      misses(tested, AT_ONCE),
      increments(tested, 1),
      increments(tested, AT_ONCE),
      await mix(tested, 1),
      await mix(tested, AT_ONCE),
    ],
    DURATIONS,
  );
}

/** Measures the cost per key of growing batches. */
export async function benchGrowth(server: string, tested: TestedPeers): Promise<void> {
  const sizes = quick ? [10, 1000] : [10, 1000, 100_000];
  const oneCall: TestedPeers = { peers: tested.peers.filter(hasBatches), traits: tested.traits };
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
  near: TestedPeers,
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

async function benchAway(server: string, delayMs: number, tested: TestedPeers): Promise<void> {
  await bench(
    `${server}: ${delayMs} ms away`,
    [
      await reads(tested, kinds.row, 1),
      await reads(tested, kinds.row, AT_ONCE),
      await batchReads(tested, 100),
      await batchWrites(tested, 100),
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
