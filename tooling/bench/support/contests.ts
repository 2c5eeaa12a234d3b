import { type Kind, kinds } from './data.ts';
import { type Contest, repeat, type Work } from './harness.ts';
import { batches, getMany, type Peer, setMany, type Traits } from './peer.ts';
import { capable, contestOf, type TestedPeers } from './tested-peers.ts';

/** Seconds; longer than any run. */
const TTL = 3600;
const KEYS = 256;
const ZIPF_KEYS = 1000;

export async function reads(tested: TestedPeers, kind: Kind, atOnce: number): Promise<Contest> {
  const keys = keysOf(kind);
  const can = canKeep(kind);
  for (const peer of capable(tested, can))
    for (const [index, key] of keys.entries()) await peer.set(key, kind.make(index));
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      check(peer, kind, await peer.get(keys[index] as string), index);
    });
  return contestOf(`get ${kind.name}${suffix(atOnce)}`, tested, workOf, { per: atOnce, can });
}

export async function writes(tested: TestedPeers, kind: Kind, atOnce: number): Promise<Contest> {
  const keys = keysOf(kind);
  const values = keys.map((_, index) => kind.make(index));
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      await peer.set(keys[index] as string, values[index]);
    });
  return contestOf(`set ${kind.name}${suffix(atOnce)}`, tested, workOf, { per: atOnce, can: canKeep(kind) });
}

export async function batchReads(tested: TestedPeers, size: number, { perKey = false } = {}): Promise<Contest> {
  const kind = perKey ? kinds.string : kinds.row;
  const { keys, entries } = batchOf(kind, size);
  for (const peer of tested.peers) await setMany(peer, entries, TTL);
  const workOf = (peer: Peer): Work =>
    repeat(async () => {
      const values = await getMany(peer, keys);
      if (values.length !== size) throw new Error(`${peer.name} read ${values.length} values for ${size} keys`);
      for (let index = 0; index < size; index++) check(peer, kind, values[index], index);
    });
  return contestOf(`get ${size.toLocaleString('en')}`, tested, workOf, {
    per: perKey ? size : 1,
    lacks: (peer) => (batches(peer, 'getMany') ? [] : ['a batch call']),
  });
}

export async function batchWrites(tested: TestedPeers, size: number, { perKey = false } = {}): Promise<Contest> {
  const { entries } = batchOf(perKey ? kinds.string : kinds.row, size);
  const workOf = (peer: Peer): Work => repeat(() => setMany(peer, entries, TTL));
  return contestOf(`set ${size.toLocaleString('en')}`, tested, workOf, {
    per: perKey ? size : 1,
    lacks: (peer) => (batches(peer, 'setMany') ? [] : ['a batch call']),
  });
}

export function misses(tested: TestedPeers, atOnce: number): Contest {
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      const value = await peer.get(`missing:${index}`);
      if (value !== undefined && value !== null) throw new Error(`${peer.name} found a key that was never stored`);
    });
  return contestOf(`miss${suffix(atOnce)}`, tested, workOf, { per: atOnce });
}

export function increments(tested: TestedPeers, atOnce: number): Contest {
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      const count = await peer.incr?.(`count:${index % 16}`);
      if (!Number.isSafeInteger(Number(count))) throw new Error(`${peer.name} counted ${String(count)}`);
    });
  const can = (peer: Peer): boolean => peer.incr !== undefined;
  return contestOf(`increment${suffix(atOnce)}`, tested, workOf, { per: atOnce, can });
}

export async function mix(tested: TestedPeers, atOnce: number): Promise<Contest> {
  const kind = kinds.row;
  const { keys, entries } = batchOf(kind, ZIPF_KEYS);
  for (const peer of tested.peers) await setMany(peer, entries, TTL);
  const draws = zipf(ZIPF_KEYS, 4096);
  const workOf = (peer: Peer): Work =>
    atATime(
      atOnce,
      async (turn) => {
        const index = draws[turn] as number;
        if (turn % 20 === 0) await peer.set(keys[index] as string, kind.make(index), TTL);
        else check(peer, kind, await peer.get(keys[index] as string), index);
      },
      draws.length,
    );
  return contestOf(`read-mostly mix${suffix(atOnce)}`, tested, workOf, { per: atOnce });
}

function keysOf(kind: Kind): string[] {
  return Array.from({ length: KEYS }, (_, index) => `${kind.name.replaceAll(' ', '-')}:${index}`);
}

function batchOf(kind: Kind, size: number) {
  const keys = Array.from({ length: size }, (_, index) => `batch:${kind.name.replaceAll(' ', '-')}:${index}`);
  return { keys, entries: keys.map((key, index) => [key, kind.make(index)] as const) };
}

function canKeep(kind: Kind) {
  return (_: Peer, { keepsDates }: Traits): boolean => kind !== (kinds.annotated as Kind) || keepsDates;
}

function check(peer: Peer, kind: Kind, value: unknown, index: number): void {
  if (!kind.is(value, index)) throw new Error(`${peer.name} returned a wrong value for ${kind.name} number ${index}`);
}

function suffix(atOnce: number): string {
  return atOnce === 1 ? '' : `, ${atOnce} at once`;
}

/** Cycles through the indexes below `count`, with one call after another or `atOnce` calls at a time. */
function atATime(atOnce: number, call: (index: number) => Promise<void>, count = KEYS): Work {
  let next = 0;
  const turn = (): number => {
    next = next + 1 === count ? 0 : next + 1;
    return next;
  };
  if (atOnce === 1) {
    return async (times) => {
      for (let time = 0; time < times; time++) await call(turn());
    };
  }
  return repeat(() => Promise.all(Array.from({ length: atOnce }, () => call(turn()))));
}

/** Draws indexes below `count` by a Zipf distribution, the same ones in every run. 0 is drawn most often. */
function zipf(count: number, draws: number): number[] {
  const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1) ** 0.99);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // The golden-ratio sequence is evenly distributed, like random numbers, but the same in every run.
  return Array.from({ length: draws }, (_, draw) => {
    let rest = ((draw * 0.618_033_988_749_895) % 1) * total;
    return weights.findIndex((weight) => {
      rest -= weight;
      return rest < 0;
    });
  });
}
