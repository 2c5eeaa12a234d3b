import { type CacheBackend, type CacheError, createBackend, type Found, superjsonSerializer } from '@ninefold/core';
import { TimedDriver } from '../../support/timed-driver.ts';
import { sharedDriver } from './keys.ts';
import { backendMutant, type Call, cacheError, deep, driverMutant, instead, type Mutant } from './mutant.ts';

interface Read {
  readonly type?: unknown;
}

interface Standard {
  readonly '~standard': { readonly validate: (...args: unknown[]) => unknown };
}

/** A backend that applies types differently, by `apply` for each hit. */
function typeMutant(name: string, breaks: readonly string[], apply: (value: unknown, type: never) => unknown): Mutant {
  return backendMutant(name, breaks, (right) => ({
    getValue: async (key: string, options?: Read) => {
      const value = await right.getValue(key);
      return value === undefined || options?.type === undefined ? value : await apply(value, options.type as never);
    },
    multiGetValues: async (keys: string[], options?: Read) => {
      const values = await right.multiGetValues(keys);
      if (options?.type === undefined) return values;
      return await Promise.all(
        values.map((value) => (value === undefined ? value : apply(value, options.type as never))),
      );
    },
  }));
}

const mismatch = (): Error => cacheError('TYPE_MISMATCH', 'getValue', 'no');
const mismatches = [
  'issues',
  'later-issues',
  'throws',
  'schema-throws',
  'rejects',
  'undefined',
  'schema-undefined',
  'later-undefined',
];

export const readMutants: readonly Mutant[] = [
  typeMutant(
    'ignores types',
    [
      'types/function',
      'types/async-function',
      'types/schema',
      'types/async-schema',
      'types/callable-schema',
      'types/batch',
      'types/falsy-outputs',
      'types/schema-keeps-this',
      'types/validator-message-hidden',
      'types/first-failure',
      'types/issues',
      ...mismatches.map((id) => `types/mismatch-${id}`),
    ],
    (value) => value,
  ),
  typeMutant(
    'calls a schema that is a function',
    ['types/callable-schema'],
    async (value, type: (value: unknown) => unknown) =>
      typeof type === 'function'
        ? await type(value)
        : ((await (type as Standard)['~standard'].validate(value)) as { value: unknown }).value,
  ),
  typeMutant('does not wait for types', ['types/async-schema'], (value, type: Standard) => {
    const result =
      typeof type === 'function' ? (type as (value: unknown) => unknown)(value) : type['~standard'].validate(value);
    return typeof type === 'function' ? result : (result as { value: unknown }).value;
  }),
  typeMutant('takes falsy outputs for failures', ['types/falsy-outputs'], async (value, type: never) => {
    const output = typeof type === 'function' ? await (type as (value: unknown) => unknown)(value) : 1;
    if (!output) throw mismatch();
    return output;
  }),
  typeMutant(
    'validates and returns what was stored',
    ['types/function', 'types/schema', 'types/async-schema'],
    async (value, type: never) => {
      if (typeof type === 'function') await (type as (value: unknown) => unknown)(value);
      return value;
    },
  ),
  typeMutant(
    'throws what the validator threw',
    ['types/mismatch-throws', 'types/mismatch-rejects', 'types/validator-message-hidden'],
    async (value, type: never) =>
      typeof type === 'function' ? await (type as (value: unknown) => unknown)(value) : value,
  ),
  typeMutant(
    'takes an output of undefined',
    ['types/mismatch-undefined', 'types/mismatch-schema-undefined', 'types/mismatch-later-undefined'],
    async (value, type: never) => {
      try {
        const result =
          typeof type === 'function'
            ? await (type as (value: unknown) => unknown)(value)
            : await (type as Standard)['~standard'].validate(value);
        return typeof type === 'function' ? result : (result as { value: unknown }).value;
      } catch {
        throw mismatch();
      }
    },
  ),
  typeMutant(
    'passes a schema more than the value',
    ['types/schema-keeps-this'],
    async (value, type: Standard) =>
      (
        (await (type['~standard']?.validate as (...args: unknown[]) => unknown)?.(value, { libraryOptions: {} })) as {
          value: unknown;
        }
      )?.value,
  ),
  typeMutant('calls a schema without its object', ['types/schema-keeps-this'], async (value, type: Standard) => {
    if (typeof type === 'function') return await (type as (value: unknown) => unknown)(value);
    const { validate } = type['~standard'];
    return ((await validate(value)) as { value: unknown }).value;
  }),
  backendMutant('passes a batch through its type as `map` does', ['types/schema-keeps-this'], (right) => ({
    multiGetValues: async (keys: string[], options?: { type?: (...args: unknown[]) => unknown }) => {
      if (typeof options?.type !== 'function' || '~standard' in options.type)
        return await right.multiGetValues(keys, options as never);
      return await Promise.all((await right.multiGetValues(keys)).map(options.type));
    },
  })),
  backendMutant('applies the timeout of the call to the type', ['types/on-callers-time'], (right, { timeoutMs }) => ({
    getValue: async (key: string, options?: never) => {
      const late = new Promise((_, reject) =>
        setTimeout(() => reject(cacheError('TIMEOUT', 'getValue', 'no answer')), timeoutMs ?? 2000),
      );
      late.catch(() => undefined);
      return await Promise.race([right.getValue(key, options), late]);
    },
  })),
  backendMutant('calls the type for misses', ['types/miss-skips'], (right) => ({
    getValue: async (key: string, options?: Read) => {
      const value = await right.getValue(key, options as never);
      if (value === undefined && typeof options?.type === 'function') options.type(undefined);
      return value;
    },
  })),
  backendMutant('takes falsy hits for misses of the type', ['types/falsy-hits'], (right) => ({
    getValue: async (key: string, options?: Read) =>
      (await right.getValue(key)) || options?.type === undefined
        ? await right.getValue(key, options as never)
        : undefined,
    multiGetValues: async (keys: string[], options?: Read) => {
      const plain = await right.multiGetValues(keys);
      const typed = await right.multiGetValues(keys, options as never);
      return typed.map((value, index) => (plain[index] || options?.type === undefined ? value : undefined));
    },
  })),
  backendMutant('drops the issues, or shows them', ['types/issues'], (right) => ({
    getValue: async (key: string, options?: Read) => {
      try {
        return await right.getValue(key, options as never);
      } catch (error) {
        throw Object.assign(error as Error, { details: (error as { issues?: unknown }).issues });
      }
    },
  })),
  backendMutant(
    'deletes what does not match',
    mismatches.map((id) => `types/mismatch-${id}`),
    (right) => ({
      getValue: async (key: string, options?: Read) => {
        try {
          return await right.getValue(key, options as never);
        } catch (error) {
          await right.delete(key);
          throw error;
        }
      },
    }),
  ),
  backendMutant('rejects with the failure that came first in time', ['types/first-failure'], (right) => ({
    multiGetValues: async (keys: string[], options?: Read) => {
      if (options?.type === undefined) return await right.multiGetValues(keys);
      return await Promise.all(keys.map((key) => right.getValue(key, options as never)));
    },
  })),
  ...(['getValue', 'multiGetValues'] as const).map((each) =>
    backendMutant(`takes any type in ${each}`, ['types/refused'], (right) => ({
      [each]: (keys: never, options?: Read) => {
        const type = options?.type as Standard | undefined;
        const given = typeof type === 'function' || type?.['~standard'] ? options : undefined;
        return (right[each] as Call)(keys, given as never);
      },
    })),
  ),
  backendMutant('takes a schema for options without a type', ['types/refused'], (right) => ({
    getValue: (key: string, options?: object) =>
      right.getValue(key, (options !== undefined && '~standard' in options ? undefined : options) as never),
  })),
  backendMutant('returns a batch in the order in which its types settle', ['types/batch'], (right) => ({
    multiGetValues: async (keys: string[], options?: { type?: unknown }) => {
      const { type } = options ?? {};
      if (typeof type !== 'function' || '~standard' in type) return await right.multiGetValues(keys, options as never);
      const ended: unknown[] = [];
      const hits = (await right.multiGetValues(keys)).filter((value) => value !== undefined);
      await Promise.all(hits.map(async (value) => ended.push(await (type as (value: unknown) => unknown)(value))));
      return (await right.multiGetValues(keys)).map((value) => (value === undefined ? undefined : ended.shift()));
    },
  })),
  backendMutant('takes a type of undefined for an invalid one', ['types/undefined'], (right) => ({
    getValue: async (key: string, options?: Read) => {
      if (options !== undefined && 'type' in options && options.type === undefined)
        throw cacheError('INVALID_OPTIONS', 'getValue', 'no type');
      return await right.getValue(key, options as never);
    },
  })),
];

const unreadable = [
  'garbage',
  'html',
  'truncated',
  'bare-json',
  'json-literal',
  'json-array',
  'spaces',
  'leading-zero',
  'fraction',
  'meta-alone',
  'undefined',
  'invalid-date',
  'unknown-class',
  'polluting',
  'escaped-proto',
  'length-without-elements',
  'path-nowhere',
].map((id) => `corruption/${id}`);

export const corruptionMutants: readonly Mutant[] = [
  backendMutant(
    'takes an unreadable entry for a miss',
    [...unreadable, 'corruption/not-a-counter', 'serializers/reads-undefined', 'serializers/throws'],
    (right) => ({
      getValue: (key: string, options?: never) =>
        right.getValue(key, options).catch((error: { code?: string }) => {
          if (error.code === 'CORRUPT') return undefined;
          throw error;
        }),
    }),
  ),
  backendMutant('names the last entry that it cannot read', ['corruption/first-failure'], (right) => ({
    multiGetValues: (keys: string[], options?: never) =>
      right.multiGetValues(keys, options).catch(async (error: CacheError) => {
        if (error.code !== 'CORRUPT') throw error;
        for (const key of keys)
          await right.getValue(key).catch(() => {
            error = error.with({ key });
          });
        throw error;
      }),
  })),
  backendMutant('fails a batch without naming the entry', unreadable, (right) => ({
    multiGetValues: (keys: string[], options?: never) =>
      right.multiGetValues(keys, options).catch((error: { code?: string }) => {
        if (error.code === 'CORRUPT') throw cacheError('CORRUPT', 'multiGetValues', 'something');
        throw error;
      }),
  })),
  {
    name: 'ignores onUnreadable',
    breaks: ['corruption/as-miss'],
    create: ({ onUnreadable: _, ...options }, now) => createBackend(new TimedDriver(now), options),
  },
  {
    name: 'quotes an unreadable entry in its error',
    breaks: unreadable,
    create: (options, now) => {
      let text = '';
      const { serializer = superjsonSerializer } = options;
      const right = createBackend(new TimedDriver(now), {
        ...options,
        serializer: {
          serialize: (value) => serializer.serialize(value),
          deserialize: (found) => {
            text = found;
            return serializer.deserialize(found);
          },
        },
      });
      return instead(right, {
        getValue: (key: string, given?: never) =>
          right.getValue(key, given).catch((error: CacheError) => {
            throw error.code === 'CORRUPT' ? error.with({ reason: `no value: ${text}` }) : error;
          }),
      });
    },
  },
  {
    name: 'is polluted by what it reads',
    breaks: ['corruption/polluting'],
    create: ({ serializer = superjsonSerializer, ...options }, now) => {
      // Removes the pollution that an earlier rule left.
      Reflect.deleteProperty(Object.prototype, 'polluted');
      return createBackend(new TimedDriver(now), {
        ...options,
        serializer: {
          serialize: (value) => serializer.serialize(value),
          deserialize: (text) => {
            if (text.includes('"polluted"'))
              Object.defineProperty(Object.prototype, 'polluted', { value: true, configurable: true });
            return serializer.deserialize(text);
          },
        },
      });
    },
  },
  backendMutant('ignores the type of a batch with onUnreadable', ['corruption/as-miss'], (right, { onUnreadable }) => ({
    multiGetValues: (keys: string[], options?: never) =>
      right.multiGetValues(keys, onUnreadable === 'miss' ? undefined : options),
  })),
  driverMutant(
    'reports an unreadable entry as absent',
    ['corruption/entry-is-there'],
    (now) =>
      new (class extends TimedDriver {
        override exists(key: string): boolean {
          const found = this.get(key);
          return typeof found === 'string' ? found.startsWith('{"json"') || found.startsWith('!') : found !== undefined;
        }
      })(now),
  ),
  {
    name: 'reads any text as it is',
    breaks: ['corruption/default-serializer'],
    capabilities: { shared: true },
    create: (options, now) =>
      createBackend(sharedDriver(now), {
        serializer: { serialize: superjsonSerializer.serialize, deserialize: (text) => text },
        ...options,
      }),
  },
  driverMutant(
    'reads text with many equalities slowly',
    ['corruption/bounded'],
    (now) =>
      new (class extends TimedDriver {
        override get(key: string) {
          const found = super.get(key);
          const end =
            performance.now() +
            (typeof found === 'string' && found.includes('referentialEqualities') && found.length > 100_000 ? 1100 : 0);
          while (performance.now() < end);
          return found;
        }
      })(now),
  ),
];

const refusals = ['integer', 'small-integer', 'empty', 'surrogates', 'not-a-text', 'undefined'].map(
  (id) => `serializers/refuses-${id}`,
);

export const serializerMutants: readonly Mutant[] = [
  {
    name: 'ignores a serializer of the caller',
    breaks: [
      'serializers/replaces',
      'serializers/not-for-integers',
      'serializers/throws',
      'serializers/reads-undefined',
      ...refusals,
    ].filter((id) => id !== 'serializers/replaces'),
    create: ({ serializer: _, ...options }, now) => createBackend(new TimedDriver(now), options),
  },
  {
    name: 'writes with the serializer of the caller and reads with its own',
    breaks: ['serializers/replaces', 'serializers/not-for-integers'],
    create: ({ serializer, ...options }, now) =>
      createBackend(
        new TimedDriver(now),
        serializer === undefined
          ? options
          : {
              ...options,
              serializer: { serialize: (v) => serializer.serialize(v), deserialize: superjsonSerializer.deserialize },
            },
      ),
  },
  {
    name: 'stores what a serializer returns, whatever it is',
    breaks: refusals,
    create: ({ serializer, ...options }, now) => {
      const safe = serializer && {
        serialize: (v: unknown) => `#${String(serializer.serialize(v))}`.toWellFormed(),
        deserialize: (t: string) => serializer.deserialize(t.slice(1)),
      };
      return createBackend(new TimedDriver(now), safe ? { ...options, serializer: safe } : options);
    },
  },
  ...(
    [
      ['decodes texts without their byte order mark', (text) => text.replace(/^\ufeff/, '')],
      ['ends texts at a zero byte', (text) => text.slice(0, `${text}\0`.indexOf('\0'))],
      ['writes line breaks of its own', (text) => text.replace(/\r\n/g, '\n')],
      ['composes the characters of texts', (text) => text.normalize()],
      ['trims texts', (text) => text.trim()],
      ['reads quoted texts', (text) => text.replace(/^'/, '')],
    ] satisfies [string, (text: string) => string][]
  ).map(([name, change]) =>
    driverMutant(
      name,
      ['serializers/any-text'],
      (now) =>
        new (class extends TimedDriver {
          override get(key: string): Found {
            const found = super.get(key);
            return typeof found === 'string' ? change(found) : found;
          }
        })(now),
    ),
  ),
  {
    name: 'takes the methods of a serializer from it',
    breaks: ['serializers/replaces'],
    create: ({ serializer, ...options }, now) => {
      if (serializer === undefined || !('serialize' in serializer))
        return createBackend(new TimedDriver(now), { ...options, serializer });
      const { serialize, deserialize } = serializer;
      return createBackend(new TimedDriver(now), { ...options, serializer: { serialize, deserialize } });
    },
  },
  {
    name: 'writes a form of its own',
    breaks: ['serializers/wire-format'],
    capabilities: { shared: true },
    create: (options, now) =>
      createBackend(sharedDriver(now), {
        serializer: {
          serialize: (value) => `%${superjsonSerializer.serialize(value)}`,
          deserialize: (text) => {
            if (!text.startsWith('%')) throw new Error('no text of ours');
            return superjsonSerializer.deserialize(text.slice(1));
          },
        },
        ...options,
      }),
  },
  {
    name: 'writes dates as texts, and reads texts that look like dates as such',
    breaks: ['serializers/wire-format'],
    capabilities: { shared: true },
    create: (options, now) =>
      createBackend(sharedDriver(now), {
        serializer: {
          serialize: (value) =>
            superjsonSerializer.serialize(deep(value, (leaf) => (leaf instanceof Date ? leaf.toISOString() : leaf))),
          deserialize: (text) =>
            deep(superjsonSerializer.deserialize(text), (leaf) =>
              typeof leaf === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(leaf) ? new Date(leaf) : leaf,
            ),
        },
        ...options,
      }),
  },
  {
    name: 'quotes the message of a serializer',
    breaks: ['serializers/throws'],
    create: (options, now): CacheBackend => {
      const right = createBackend(new TimedDriver(now), options);
      return instead(right, {
        setValue: async (key: string, value: unknown, given?: never) => {
          try {
            options.serializer?.serialize(value);
          } catch (error) {
            throw cacheError('INVALID_VALUE', 'setValue', (error as Error).message);
          }
          return await right.setValue(key, value, given);
        },
      });
    },
  },
];
