import { crc32, deflateSync } from 'node:zlib';
import { createBackend, type Found } from '@ninefold/core';
import { TimedDriver } from '../../support/timed-driver.ts';
import {
  backendMutant,
  type Call,
  cacheError,
  driverMutant,
  instead,
  keyMutant,
  type Mutant,
  mapKeys,
  type Now,
  OPERATIONS,
} from './mutant.ts';

/** Keeps every entry under a name derived from its key. */
class Renaming<V> extends Map<string, V> {
  readonly #rename: (key: string) => string;

  constructor(rename: (key: string) => string) {
    super();
    this.#rename = rename;
  }

  override get(key: string): V | undefined {
    return super.get(this.#rename(key));
  }

  override set(key: string, value: V): this {
    return super.set(this.#rename(key), value);
  }

  override delete(key: string): boolean {
    return super.delete(this.#rename(key));
  }
}

/** A mutant whose store confuses some keys. */
function storeMutant(name: string, breaks: readonly string[], rename: (key: string) => string): Mutant {
  return driverMutant(name, breaks, (now) => {
    return new (class extends TimedDriver {
      override readonly entries: TimedDriver['entries'] = new Renaming(rename);
    })(now);
  });
}

/** Mutants that treat keys as file names, as bytes of a protocol, or as properties. */
export const keyMutants: readonly Mutant[] = [
  keyMutant('trims keys', ['keys/outer-space'], (key) => key.trim() || key),
  keyMutant('folds the case of keys', ['keys/case'], (key) => key.toLowerCase()),
  keyMutant('normalises keys', ['keys/normal-forms'], (key) => key.normalize('NFC')),
  keyMutant('cuts keys at 250 characters', ['keys/300-characters', 'keys/same-start', 'keys/8192-bytes'], (key) =>
    key.slice(0, 250),
  ),
  keyMutant('keeps the end of long keys', ['keys/same-end'], (key) => key.slice(-250)),
  keyMutant('hashes keys into 8 bits', ['keys/300-characters', 'keys/8192-bytes-of-emoji'], (key) =>
    key.length > 100 ? `#${[...key].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) & 0xff, 0) & 1}` : key,
  ),
  storeMutant('hashes keys as Java does', ['keys/same-hash'], (key) =>
    String([...key].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) | 0, 0)),
  ),
  storeMutant('hashes keys with CRC-32', ['keys/same-hash'], (key) => String(crc32(key))),
  storeMutant('writes keys in Latin-1', ['keys/beyond-latin-1'], (key) => Buffer.from(key, 'latin1').toString('hex')),
  backendMutant('has an index of keys that holds 2,704 bytes, packed', ['keys/8192-bytes'], (right) => ({
    multiSetValues: async (pairs: Iterable<readonly [string, unknown]>, options?: never) => {
      if (Array.isArray(pairs) && pairs.some((pair) => deflateSync(String(pair?.[0])).length > 2704))
        throw cacheError('BACKEND', 'multiSetValues', 'index row size exceeds maximum');
      await right.multiSetValues(pairs, options);
    },
  })),
  keyMutant('joins spaces', ['keys/space', 'keys/only-space'], (key) => key.replace(/\s+/g, ' ')),
  keyMutant(
    'drops control characters',
    ['keys/control-characters', 'keys/nul'],
    (key) => key.replace(/[^\P{Cc}]/gu, '') || key,
  ),
  keyMutant('ends keys at NUL', ['keys/nul'], (key) => key.split('\0')[0] || key),
  keyMutant('reads escapes in keys', ['keys/paths'], (key) => {
    try {
      return decodeURIComponent(key);
    } catch {
      return key;
    }
  }),
  keyMutant('resolves keys as paths', ['keys/paths'], (key) => key.replace(/^(\.\.?\/)+/, '') || key),
  backendMutant('takes a key for the name of a file', ['keys/paths'], (right) => ({
    multiSetValues: async (pairs: Iterable<readonly [string, unknown]>, options?: never) => {
      if (Array.isArray(pairs) && pairs.some((pair) => pair?.[0] === '..'))
        throw cacheError('BACKEND', 'multiSetValues', 'EISDIR');
      await right.multiSetValues(pairs, options);
    },
  })),
  keyMutant('takes keys for numbers', ['keys/numeric'], (key) =>
    Number.isNaN(Number(key)) ? key : String(Number(key)),
  ),
  keyMutant('drops quotes', ['keys/quotes'], (key) => key.replace(/["'\\]/g, '') || 'quotes'),
  keyMutant('joins colons', ['keys/colons'], (key) => key.replace(/:+/g, ':')),
  keyMutant('takes words for missing values as one key', ['keys/empty-like'], (key) =>
    /^(undefined|null|NaN)$/.test(key) ? 'nothing' : key,
  ),
  keyMutant('replaces characters beyond 16 bits', ['keys/emoji', 'keys/8192-bytes-of-emoji'], (key) =>
    key.replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd'),
  ),
  keyMutant('drops braces and patterns', ['keys/patterns'], (key) => key.replace(/[{}*?[\]]/g, '') || 'pattern'),
  backendMutant('deletes by pattern', ['keys/patterns'], (right) => {
    const known = new Set<string>();
    return {
      setValue: (key: string, value: unknown, options?: never) => {
        known.add(key);
        return right.setValue(key, value, options);
      },
      multiSetValues: async (pairs: Iterable<readonly [string, unknown]>, options?: never) => {
        const list = await right.multiSetValues(pairs, options).then(() => [...pairs]);
        for (const [key] of list) known.add(key);
      },
      delete: async (key: string) => {
        if (key !== '*') return await right.delete(key);
        await right.deleteMany([...known]);
        return 1;
      },
    };
  }),
  driverMutant('keeps entries as properties of an object', ['keys/prototype-names', 'batches/hostile-names'], (now) => {
    const inherited = (key: string): boolean => key.slice(key.indexOf(':') + 1) in {};
    return new (class extends TimedDriver {
      override exists(key: string): boolean {
        return inherited(key) || super.exists(key);
      }
      override deleteMany(keys: readonly string[]): number {
        return keys.filter((key) => super.deleteMany([key]) === 1 || inherited(key)).length;
      }
    })(now);
  }),
  driverMutant('answers a batch from the properties of an object', ['keys/inherited-names'], (now) => {
    return new (class extends TimedDriver {
      override getMany(keys: readonly string[]): readonly Found[] {
        const found = keys.map((key) => [key, super.get(key)] as const).filter(([, value]) => value !== undefined);
        const rows: Record<string, Found> = Object.fromEntries(found);
        return keys.map((key) => rows[key]);
      }
    })(now);
  }),
  backendMutant(
    'takes any key',
    ['keys/refuses-empty', 'keys/refuses-not-a-string', 'keys/refuses-lone-surrogate', 'keys/refuses-too-long'],
    (right) => {
      const legal = (key: unknown): string => `k${String(key).toWellFormed().slice(0, 8000)}`;
      return {
        getValue: (key: string, options?: never) => right.getValue(legal(key), options),
        setValue: (key: string, value: unknown, options?: never) => right.setValue(legal(key), value, options),
      };
    },
  ),
  ...OPERATIONS.flatMap((each) => {
    const batch = /multi|Many/.test(each);
    const has = (first: unknown, kind: (key: unknown) => boolean): boolean =>
      batch
        ? Array.isArray(first) && first.some((item: unknown) => kind(Array.isArray(item) ? item[0] : item))
        : kind(first);
    const text = (item: unknown): unknown =>
      Array.isArray(item) ? [text(item[0]), ...item.slice(1)] : item instanceof String ? String(item) : item;
    return [
      backendMutant(`takes a String for a string in ${each}`, ['keys/refuses-not-a-string'], (right) => ({
        [each]: (first: unknown, ...rest: never[]) =>
          (right[each] as Call)(
            ...([batch && Array.isArray(first) ? first.map(text) : text(first), ...rest] as never[]),
          ),
      })),
      backendMutant(`throws at a symbol in ${each}`, ['keys/refuses-not-a-string'], (right) => ({
        [each]: (first: unknown, ...rest: never[]) => {
          if (has(first, (key) => typeof key === 'symbol'))
            throw new TypeError('Cannot convert a Symbol value to a string');
          return (right[each] as Call)(...([first, ...rest] as never[]));
        },
      })),
    ];
  }),
  backendMutant('misses everything after a key that was too long', ['keys/after-a-refusal'], (right) => {
    let lost = false;
    return {
      setValue: async (key: string, value: unknown, options?: never) => {
        lost ||= typeof key === 'string' && key.length > 8192;
        await right.setValue(key, value, options);
      },
      getValue: async (key: string, options?: never) => (lost ? undefined : await right.getValue(key, options)),
    };
  }),
  backendMutant('ends the connection after a bad key', ['keys/after-a-refusal'], (right) => {
    let broken = false;
    return {
      getValue: async (key: string, options?: never) => {
        if (broken) throw new Error('connection closed');
        try {
          return await right.getValue(key, options);
        } catch (error) {
          broken = true;
          throw error;
        }
      },
    };
  }),
];

const drivers = new Map<object, TimedDriver>();

/** One server for all backends with the same clock. Closing one of them does not affect it. */
export function sharedDriver(now: Now): TimedDriver {
  const driver = drivers.get(now) ?? new TimedDriver(now);
  driver.close = () => undefined;
  drivers.set(now, driver);
  return driver;
}

/** Mutants that share the wrong entries between backends. */
export const sharingMutants: readonly Mutant[] = [
  {
    name: 'ignores the namespace',
    breaks: ['keys/namespaces-apart'],
    capabilities: { shared: true },
    create: ({ namespace: _, ...options }, now) => createBackend(sharedDriver(now), options),
  },
  {
    name: 'joins namespace and key without a mark between them',
    breaks: ['keys/namespace-boundary'],
    capabilities: { shared: true },
    create: ({ namespace = '', ...options }, now) =>
      mapKeys(createBackend(sharedDriver(now), options), (key) => namespace + key),
  },
  {
    name: 'joins namespace and key by a slash',
    breaks: ['keys/stored-key'],
    capabilities: { shared: true },
    create: ({ namespace, ...options }, now) => {
      const right = createBackend(sharedDriver(now), options);
      return namespace === undefined ? right : mapKeys(right, (key) => `${namespace}/${key}`);
    },
  },
  {
    name: 'deletes a key in all namespaces',
    breaks: ['keys/namespaces-apart'],
    capabilities: { shared: true },
    create: (options, now) => {
      const driver = sharedDriver(now);
      const right = createBackend(driver, options);
      return instead(right, {
        delete: (key: string) => {
          const own = right.delete(key);
          for (const stored of [...driver.entries.keys()])
            if (stored.endsWith(`:${String(key)}`)) driver.entries.delete(stored);
          return own;
        },
      });
    },
  },
  {
    name: 'folds the case of namespaces',
    breaks: ['keys/namespaces-apart'],
    capabilities: { shared: true },
    create: ({ namespace, ...options }, now) =>
      createBackend(sharedDriver(now), { ...options, namespace: namespace?.toLowerCase() }),
  },
  {
    name: 'cuts namespaces at 60 characters',
    breaks: ['keys/namespaces-apart'],
    capabilities: { shared: true },
    create: ({ namespace, ...options }, now) =>
      createBackend(sharedDriver(now), { ...options, namespace: namespace?.slice(0, 60) }),
  },
  {
    name: 'takes a namespace of null for none',
    breaks: ['keys/namespace-refused'],
    create: ({ namespace, ...options }, now) =>
      createBackend(new TimedDriver(now), { ...options, namespace: namespace ?? undefined }),
  },
  {
    name: 'takes any namespace',
    breaks: ['keys/namespace-refused'],
    create: ({ namespace = 'n', ...options }, now) => {
      const legal = namespace.replace(/[^\w.-]/g, '_').slice(0, 64) || 'n';
      return createBackend(new TimedDriver(now), { ...options, namespace: legal });
    },
  },
  {
    name: 'keeps entries to itself although shared is true',
    breaks: [
      'keys/same-namespace-shared',
      'lifecycle/entries-stay',
      'concurrency/awaited-order',
      'corruption/default-serializer',
    ],
    capabilities: { shared: true },
    create: (options, now) => createBackend(new TimedDriver(now), options),
  },
  {
    name: 'shares entries although shared is false',
    breaks: ['keys/not-shared'],
    create: (options, now) => createBackend(sharedDriver(now), options),
  },
  {
    name: 'writes on after close',
    breaks: ['lifecycle/closed-changes-nothing', 'lifecycle/closed-setValue'],
    capabilities: { shared: true },
    create: (options, now) => {
      const right = createBackend(sharedDriver(now), options);
      const again = createBackend(sharedDriver(now), options);
      return instead(right, {
        setValue: (key: string, value: unknown, given?: never) => again.setValue(key, value, given),
      });
    },
  },
];
