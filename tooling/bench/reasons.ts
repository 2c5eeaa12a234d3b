/** Why a target is missed, or a peer at the same work is ahead by more than 10 %. The page shows it where that is so. */
interface Reason {
  /** How the title of the section and the name of the contest begin. */
  readonly at: string;
  /** Of a field: who is ahead. */
  readonly first?: readonly string[];
  readonly why: string;
}

const ON_KEYV = ['keyv', 'cacheable', 'cache-manager'];

const reasons: readonly Reason[] = [
  {
    at: 'Size:',
    why: 'two fifths of core are the serializer: it tells every kind of value that is kept from one that is not, across realms, and reads hostile texts within bounds, which superjson does not; the words of errors take much of the rest; nothing is left out to be smaller',
  },
  {
    at: 'Upstash: against its client, over HTTP to a front on this machine: 1,000 reads in parallel : mget',
    why: 'a thousand calls are a thousand promises and deadlines, where mget is one',
  },
  {
    at: 'Cache: on memory',
    why: 'a hit reads the entry, the epoch of its key and the generation of the cache; these three as a batch, measured below it, take nearly the bound by themselves, a third of what they add because the entry is a list of value and stamp, which JSON.parse takes longer for than for the value; from 1 KB on a hit is within the bound',
  },
  {
    at: 'Cache: read-through on Redis: getOrSet, a hit',
    why: 'a hit reads the entry with its epoch and the version of the namespace, so that none comes back that was deleted while it was loaded; the peers read one key',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: incr',
    why: 'the range and the TTL are checked and set with the increment in one script; INCR alone has neither',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: get',
    why: 'the check of the key, the deadline and the look at what came take a tenth of a round trip that never leaves the machine',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: multiSetValues of 100, TTL',
    why: 'the script that sets each entry takes the server longer than as many SETs would, by as much as the client saves with one command; MSETEX, which servers have from Redis 8.4 and Valkey 9.1 on, is not in this one',
  },
  {
    at: 'Redis: 10 fields, against ioredis and JSON: multiGet',
    why: 'three fifths of what it takes longer go into the envelope of each text, {"json":…}, and the look at it before it is a value; the rest into the check and the prefix of each key, and the deadline',
  },
  {
    at: 'Redis: one key at a time: set',
    first: ['layered-loader', 'unstorage'],
    why: 'it stores what JSON makes of a value; ours first looks whether JSON keeps it, which for 10 KB takes a third of the time of writing it, as the sets in memory show',
  },
  {
    at: 'Redis:',
    first: ['layered-loader', 'unstorage'],
    why: 'it hands on what ioredis answers: no check of keys and texts, no deadline, no single retry',
  },
  {
    at: 'Redis:',
    first: ON_KEYV,
    why: 'it stands on the official client, which spends less on a command and on each value that it reads than ioredis; @ninefold/node-redis stands on the official one too',
  },
  {
    at: 'memcached:',
    first: ON_KEYV,
    why: 'it hands on what memjs answers: no check of keys and texts, no deadline of the call',
  },
];

export function reasonFor(id: string, first?: string): string | undefined {
  return reasons.find((reason) => {
    return id.startsWith(reason.at) && (reason.first === undefined || reason.first.includes(first ?? ''));
  })?.why;
}
