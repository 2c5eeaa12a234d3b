import { FaultProxy } from '../../fault-proxy/fault-proxy.ts';
import { type Kind, kinds } from './data.ts';
import { bench, type Contest, type Entrant, type Work } from './harness.ts';
import { batches, getMany, lacksOf, type Peer, setMany, type Traits, traitsOf, working } from './peer.ts';
import { quick } from './results.ts';

/** Seconds; far longer than any run. */
const TTL = 3600;
const KEYS = 256;
const AT_ONCE = 64;
const BATCHES = [10, 100, 1000];
const ZIPF_KEYS = 1000;
const DELAYS_MS = [1, 20];
/** Milliseconds of a measurement: there are many contests with many entrants. */
const SAMPLE_MS = 6;

export interface Field {
  readonly peers: readonly Peer[];
  readonly traits: ReadonlyMap<Peer, Traits>;
}

/** Tries the peers, all at once, for some of it is waiting. */
export async function fieldOf(peers: readonly Peer[]): Promise<Field> {
  const traits = await Promise.all(peers.map(traitsOf));
  return withTraits(peers, traits);
}

function withTraits(peers: readonly Peer[], traits: readonly Traits[]): Field {
  const pairs = peers.map((peer, index) => {
    const tried = traits[index] as Traits;
    return [working(peer, tried), tried] as const;
  });
  return { peers: pairs.map(([peer]) => peer), traits: new Map(pairs) };
}

/** Every workload of one server, each done by all who can do it. */
export async function benchField(server: string, field: Field): Promise<void> {
  const all = Object.values(kinds);
  await bench(
    `${server}: one key at a time`,
    [
      ...(await each(all, (kind) => reads(field, kind, 1))),
      ...(await each(all, (kind) => reads(field, kind, AT_ONCE))),
      ...(await each(all, (kind) => writes(field, kind, 1))),
      ...(await each(all, (kind) => writes(field, kind, AT_ONCE))),
    ],
    { sampleMs: SAMPLE_MS, notes: ['Times are of one call, also where 64 are made at once.'] },
  );
  await bench(
    `${server}: batches of 10 fields, stored with a TTL`,
    [
      ...(await each(BATCHES, (size) => batchReads(field, size))),
      ...(await each(BATCHES, (size) => batchWrites(field, size))),
    ],
    { sampleMs: SAMPLE_MS, notes: ['Times are of one batch.'] },
  );
  await bench(
    `${server}: misses, counters, and a mix`,
    [misses(field, 1), misses(field, AT_ONCE), ...counters(field), await mix(field, 1), await mix(field, AT_ONCE)],
    {
      sampleMs: SAMPLE_MS,
      notes: ['The mix reads 19 times for each write, keys by a Zipf distribution (s = 0.99) over 1,000.'],
    },
  );
}

/** What a batch costs as it grows. */
export async function benchGrowth(server: string, field: Field): Promise<void> {
  const sizes = quick ? [10, 1000] : [10, 1000, 100_000];
  const oneCall: Field = { peers: field.peers.filter(hasBatches), traits: field.traits };
  await bench(
    `${server}: batches from 10 to 100,000 keys`,
    [
      ...(await each(sizes, (size) => batchReads(oneCall, size, { perKey: true }))),
      ...(await each(sizes, (size) => batchWrites(oneCall, size, { perKey: true }))),
    ],
    { sampleMs: SAMPLE_MS, notes: ['Times are of one key, 100-byte strings, among those with a batch API.'] },
  );
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Networks on which round trips are what costs. What the peers keep is taken from `near`, the same ones without delay. */
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
    { sampleMs: 1, notes: [`Every answer comes ${delayMs} ms late, by a proxy.`] },
  );
}

/** Those on the store of another peer say nothing new here, and take the most of the time. */
function hasBatches(peer: Peer): boolean {
  return batches(peer, 'getMany') && batches(peer, 'setMany') && peer.onStoreOf === undefined;
}

async function each<T>(items: readonly T[], contest: (item: T) => Contest | Promise<Contest>): Promise<Contest[]> {
  const contests: Contest[] = [];
  for (const item of items) contests.push(await contest(item));
  return contests;
}

/** Those of a field who can do the work, ours first. */
function contestOf(
  name: string,
  field: Field,
  workOf: (peer: Peer) => Work,
  options: {
    readonly per?: number;
    readonly can?: (peer: Peer, traits: Traits) => boolean;
    readonly lacks?: (peer: Peer) => readonly string[];
  } = {},
): Contest {
  const { per = 1, can = () => true, lacks = () => [] } = options;
  const able = field.peers.filter((peer) => can(peer, field.traits.get(peer) as Traits));
  const [ours, ...others] = able.map(
    (peer): Entrant => ({
      name: peer.name,
      role: peer.role,
      lacks: [...lacksOf(field.traits.get(peer) as Traits), ...lacks(peer)],
      work: workOf(peer),
    }),
  );
  if (ours?.role !== 'ours') throw new Error(`${name}: the first of a field is ours`);
  return { name, ours: ours.work, others, per };
}

async function reads(field: Field, kind: Kind, atOnce: number): Promise<Contest> {
  const keys = keysOf(kind);
  const can = canKeep(kind);
  for (const peer of able(field, can)) for (const [index, key] of keys.entries()) await peer.set(key, kind.make(index));
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      check(peer, kind, await peer.get(keys[index] as string), index);
    });
  return contestOf(`get ${kind.name}${suffix(atOnce)}`, field, workOf, { per: atOnce, can });
}

async function writes(field: Field, kind: Kind, atOnce: number): Promise<Contest> {
  const keys = keysOf(kind);
  const values = keys.map((_, index) => kind.make(index));
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      await peer.set(keys[index] as string, values[index]);
    });
  return contestOf(`set ${kind.name}${suffix(atOnce)}`, field, workOf, { per: atOnce, can: canKeep(kind) });
}

async function batchReads(field: Field, size: number, { perKey = false } = {}): Promise<Contest> {
  const kind = perKey ? kinds.string : kinds.row;
  const { keys, entries } = batchOf(kind, size);
  for (const peer of field.peers) await setMany(peer, entries, TTL);
  const workOf = (peer: Peer): Work =>
    repeat(async () => {
      const values = await getMany(peer, keys);
      if (values.length !== size) throw new Error(`${peer.name} read ${values.length} values for ${size} keys`);
      for (let index = 0; index < size; index++) check(peer, kind, values[index], index);
    });
  return contestOf(`get ${size.toLocaleString('en')}`, field, workOf, {
    per: perKey ? size : 1,
    lacks: (peer) => (batches(peer, 'getMany') ? [] : ['a batch call']),
  });
}

async function batchWrites(field: Field, size: number, { perKey = false } = {}): Promise<Contest> {
  const { entries } = batchOf(perKey ? kinds.string : kinds.row, size);
  const workOf = (peer: Peer): Work => repeat(() => setMany(peer, entries, TTL));
  return contestOf(`set ${size.toLocaleString('en')}`, field, workOf, {
    per: perKey ? size : 1,
    lacks: (peer) => (batches(peer, 'setMany') ? [] : ['a batch call']),
  });
}

function misses(field: Field, atOnce: number): Contest {
  const workOf = (peer: Peer): Work =>
    atATime(atOnce, async (index) => {
      const value = await peer.get(`missing:${index}`);
      if (value !== undefined && value !== null) throw new Error(`${peer.name} found what was never stored`);
    });
  return contestOf(`miss${suffix(atOnce)}`, field, workOf, { per: atOnce });
}

function counters(field: Field): Contest[] {
  const can = (peer: Peer): boolean => peer.incr !== undefined;
  const workOf =
    (atOnce: number) =>
    (peer: Peer): Work =>
      atATime(atOnce, async (index) => {
        const count = await peer.incr?.(`count:${index % 16}`);
        if (!Number.isSafeInteger(Number(count))) throw new Error(`${peer.name} counted ${String(count)}`);
      });
  return [1, AT_ONCE].map((atOnce) =>
    contestOf(`increment${suffix(atOnce)}`, field, workOf(atOnce), { per: atOnce, can }),
  );
}

async function mix(field: Field, atOnce: number): Promise<Contest> {
  const kind = kinds.row;
  const { keys, entries } = batchOf(kind, ZIPF_KEYS);
  for (const peer of field.peers) await setMany(peer, entries, TTL);
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
  return contestOf(`read-mostly mix${suffix(atOnce)}`, field, workOf, { per: atOnce });
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

function able({ peers, traits }: Field, can: (peer: Peer, traits: Traits) => boolean): Peer[] {
  return peers.filter((peer) => can(peer, traits.get(peer) as Traits));
}

function check(peer: Peer, kind: Kind, value: unknown, index: number): void {
  if (!kind.is(value, index)) throw new Error(`${peer.name} answered something else than ${kind.name} number ${index}`);
}

function suffix(atOnce: number): string {
  return atOnce === 1 ? '' : `, ${atOnce} at once`;
}

/** Goes round the indexes below `count`, one call after another or `atOnce` together. */
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

function repeat(call: () => Promise<unknown>): Work {
  return async (times) => {
    for (let time = 0; time < times; time++) await call();
  };
}

/** Indexes below `count`, the same ones in every run: 0 is drawn most often. */
function zipf(count: number, draws: number): number[] {
  const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1) ** 0.99);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // A golden-ratio sequence: as even as chance is on the long run, and never another one.
  return Array.from({ length: draws }, (_, draw) => {
    let rest = ((draw * 0.618_033_988_749_895) % 1) * total;
    return weights.findIndex((weight) => {
      rest -= weight;
      return rest < 0;
    });
  });
}
