/**
 * Why a target can be missed, or a peer at the same work can be more than 10 % faster. The page shows a reason only where
 * the figures say so.
 */
interface Reason {
  /** A prefix of `<title of the section>: <name of the contest>`. */
  readonly at: string;
  /** The peers that this explains when they are the fastest; without it, the reason explains a missed target or any peer. */
  readonly first?: readonly string[];
  readonly why: string;
}

const ON_KEYV = ['keyv', 'keyv + JSON', 'cacheable', 'cache-manager'];

const UNCHECKED =
  'It stores whatever JSON makes of a value, and so changes some without saying so. Ours first checks that JSON preserves the value. The larger the value, the longer the check.';

const HIT =
  'A hit also reads the epoch of its key and the generation of the cache, so that no value comes back that was deleted while it was loading. The peers read one key.';

const reasons: readonly Reason[] = [
  {
    at: 'Size:',
    why: 'The serializer is more than two fifths of core. Unlike superjson, it tells supported from unsupported values across realms and reads hostile input within bounds. Error messages are much of the rest. No feature is left out to save bytes.',
  },
  {
    at: 'Upstash: against its client, over HTTP to a front on this machine: 1,000 reads in parallel : mget',
    why: '1,000 calls need 1,000 promises and deadlines, where `mget` needs one.',
  },
  {
    at: 'Cache: on memory',
    why: 'A hit reads three entries: the value, the epoch of its key and the generation of the cache. Reading these as one batch, which has its own row in the section, takes about as long as the bound allows. Part of that extra time is `JSON.parse` of the entry, which is a list of value and stamp. From 1 KB on, a hit is within the bound.',
  },
  { at: 'Memory: one key at a time: set', first: ['keyv + JSON'], why: UNCHECKED },
  { at: 'Upstash: one key at a time: set', first: ['unstorage'], why: UNCHECKED },
  { at: 'Cache: read-through on Redis: getOrSet, a hit', why: HIT },
  { at: 'Cache: read-through on Redis: getOrSet, hits', why: HIT },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: incr',
    why: 'One script increments, checks the range and sets the TTL. `INCR` only increments.',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: get',
    why: 'Validating the key, keeping the deadline and checking the reply take a tenth of a round trip that never leaves the machine.',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: multiSetValues of 100, TTL',
    why: 'The server runs our script more slowly than the same number of `SET`s, which costs what the client saves by sending one command. This server has no `MSETEX`, which avoids the script from Redis 8.4 and Valkey 9.1 on.',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: multiGet',
    why: 'Three fifths of the extra time are the envelope of each value, `{"json":…}`, and the check of it before parsing. The rest is validating and prefixing the keys, and the deadline.',
  },
  {
    at: 'Redis: one key at a time: set',
    first: ['layered-loader', 'unstorage'],
    why: 'It stores whatever JSON makes of a value. Ours first checks that JSON preserves the value, and keeps a deadline. The larger the value, the longer the check; for 10 KB it takes nearly a fifth of the time of `JSON.stringify`, as the section on the serializer shows.',
  },
  {
    at: 'Redis:',
    why: 'It passes on the replies of its client, without checks of keys and values, a deadline, or a retry of its own.',
  },
  {
    at: 'memcached:',
    first: ON_KEYV,
    why: 'It passes on the replies of memjs, without checks of keys and values, or a deadline per call.',
  },
];

/** The first reason for a contest, and for its fastest peer if `first` names one. */
export function reasonFor(id: string, first?: string): string | undefined {
  return reasons.find((reason) => {
    return id.startsWith(reason.at) && (reason.first === undefined || reason.first.includes(first ?? ''));
  })?.why;
}
