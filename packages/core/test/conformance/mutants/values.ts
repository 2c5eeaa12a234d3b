import { createBackend, superjsonSerializer } from '@ninefold/core';
import superjson from 'superjson';
import { TimedDriver } from '../../support/timed-driver.ts';
import { backendMutant, deep, driverMutant, type Mutant, serializerMutant } from './mutant.ts';

const envelope = (json: unknown): string => `{"json":${JSON.stringify(json)}}`;

/** Serialises a changed value. */
function changing(change: (value: unknown) => unknown): (value: unknown) => string {
  return (value) => superjsonSerializer.serialize(change(value));
}

/** Mutants that keep JSON, a reference or a string instead of the value. */
export const valueMutants: readonly Mutant[] = [
  serializerMutant(
    'keeps only JSON',
    [
      'values/date',
      'values/map',
      'values/set',
      'values/nan',
      'values/infinities',
      'values/negative-zero',
      'values/nested-undefined',
      'values/regexp',
      'values/url',
      'values/bytes',
      'values/error',
      'values/refuses-function',
      'values/refuses-class-instance',
      'values/refuses-invalid-date',
      'values/refuses-sparse-array',
      'values/refuses-boxed',
      'values/refuses-symbol',
      'values/bigint',
    ],
    (value) => envelope(value ?? null),
  ),
  serializerMutant(
    "writes with superjson's own writer",
    [
      'values/refuses-class-instance',
      'values/refuses-invalid-date',
      'values/refuses-sparse-array',
      'values/array-buffer',
      'values/constructor-keys',
      'values/refuses-error-properties',
      'values/refuses-aggregate-error',
    ],
    (value) => superjson.stringify(value),
  ),
  serializerMutant(
    'writes and reads as superjson does',
    ['values/refuses-weak-map', 'values/refuses-promise'],
    (value) => superjson.stringify(value),
    (text) => superjson.parse(text),
  ),
  serializerMutant(
    'turns texts that look like values into them',
    ['values/strings-like-values', 'values/numeric-string', 'batches/mixed-kinds'],
    superjsonSerializer.serialize,
    (text) =>
      deep(superjsonSerializer.deserialize(text), (leaf) => {
        if (typeof leaf !== 'string') return leaf;
        try {
          return JSON.parse(leaf) as unknown;
        } catch {
          return leaf;
        }
      }),
  ),
  serializerMutant(
    'cuts long strings',
    ['values/long-string'],
    changing((value) => (typeof value === 'string' ? value.slice(0, 65_535) : value)),
  ),
  serializerMutant(
    'writes each character as one byte',
    ['values/long-string', 'values/hostile-string'],
    changing((value) =>
      deep(value, (leaf) => (typeof leaf === 'string' ? leaf.replace(/[\u0100-\uffff]/g, '?') : leaf)),
    ),
  ),
  serializerMutant(
    'replaces lone surrogates',
    ['values/lone-surrogate'],
    changing((value) => deep(value, (leaf) => (typeof leaf === 'string' ? leaf.toWellFormed() : leaf))),
  ),
  serializerMutant(
    'composes characters',
    ['values/hostile-string'],
    changing((value) => deep(value, (leaf) => (typeof leaf === 'string' ? leaf.normalize() : leaf))),
  ),
  serializerMutant(
    'drops zero bytes and line breaks',
    ['values/hostile-string'],
    changing((value) => deep(value, (leaf) => (typeof leaf === 'string' ? leaf.replace(/[\0\r]/g, '') : leaf))),
  ),
  serializerMutant(
    'writes fractions with six digits',
    ['values/fractions', 'values/fraction'],
    changing((value) => deep(value, (leaf) => (typeof leaf === 'number' ? Number(leaf.toPrecision(1)) : leaf))),
  ),
  serializerMutant(
    'counts in 32 bits',
    ['values/integers', 'values/above-safe'],
    changing((value) =>
      deep(value, (leaf) => (Number.isInteger(leaf) && !Object.is(leaf, -0) ? (leaf as number) | 0 : leaf)),
    ),
  ),
  driverMutant(
    'rounds integers near the ends of the safe range',
    [
      'values/safe-border',
      'values/negative-safe-border',
      'values/integers-near-border',
      'counters/upper-end',
      'counters/lower-end',
    ],
    (now) => {
      const round = (value: number): number =>
        Math.abs(value) > Number.MAX_SAFE_INTEGER - 47 ? value + Math.sign(value) - (value % 8) : value;
      return new (class extends TimedDriver {
        override get(key: string) {
          const found = super.get(key);
          return typeof found === 'number'
            ? Math.sign(found) * Math.min(Math.abs(round(found)), Number.MAX_SAFE_INTEGER - 9)
            : found;
        }
      })(now);
    },
  ),
  serializerMutant(
    'writes yes and no as 1 and 0',
    ['values/booleans', 'values/false'],
    changing((value) => deep(value, (leaf) => (typeof leaf === 'boolean' ? Number(leaf) : leaf))),
  ),
  serializerMutant('reads what it wrote an hour off', ['values/date'], superjsonSerializer.serialize, (text) => {
    const v = superjsonSerializer.deserialize(text);
    return v instanceof Date ? new Date(v.getTime() + 3_600_000) : v;
  }),
  serializerMutant(
    'stores the whole buffer of a view',
    ['values/subarray'],
    changing((value) => (value instanceof Uint8Array ? new Uint8Array(value.buffer) : value)),
  ),
  serializerMutant(
    'gives bytes back as plain arrays',
    ['values/bytes', 'values/array-buffer', 'values/copied-in'],
    superjsonSerializer.serialize,
    (text) => {
      const v = superjsonSerializer.deserialize(text);
      return v instanceof Uint8Array ? [...v] : deep(v, (leaf) => (leaf instanceof Uint8Array ? [...leaf] : leaf));
    },
  ),
  serializerMutant(
    'gives small typed arrays back as plain ones',
    ['values/typed-arrays'],
    changing((value) =>
      Array.isArray(value) && value[0] instanceof Int8Array ? value.map((part) => [...part]) : value,
    ),
  ),
  serializerMutant(
    'writes the numbers of a typed array as JSON',
    ['values/float-array', 'values/bigint-array'],
    (value) => {
      if (!(value instanceof Float64Array || value instanceof BigInt64Array))
        return superjsonSerializer.serialize(value);
      const meta = { values: [['typed-array', value.constructor.name]], v: 1 };
      return JSON.stringify({ json: [...value], meta });
    },
  ),
  serializerMutant('gives each error a cause', ['values/error-subclass'], superjsonSerializer.serialize, (text) => {
    const v = superjsonSerializer.deserialize(text);
    return v instanceof Error && !('cause' in v) ? Object.assign(v, { cause: undefined }) : v;
  }),
  serializerMutant(
    'writes a Buffer as its JSON',
    ['values/buffer'],
    changing((value) => (Buffer.isBuffer(value) ? value.toJSON() : value)),
  ),
  serializerMutant(
    'drops refused values inside a Map',
    ['values/refuses-inside'],
    changing((value) => (value instanceof Map && typeof value.get('k') === 'function' ? new Map() : value)),
  ),
  serializerMutant(
    'writes a boxed string as a string',
    ['values/refuses-boxed-string'],
    changing((value) => (Array.isArray(value) ? value.map((v) => (v instanceof String ? String(v) : v)) : value)),
  ),
  serializerMutant(
    'gives undefined in arrays back as holes',
    ['values/nested-undefined'],
    superjsonSerializer.serialize,
    (text) => {
      const value = superjsonSerializer.deserialize(text) as { list?: unknown[] } | null;
      if (Array.isArray(value?.list))
        for (const [at, item] of value.list.entries()) if (item === undefined) delete value.list[at];
      return value;
    },
  ),
  backendMutant('returns the same bytes to all readers', ['values/copied-out'], (right) => {
    const known = new Map<string, unknown>();
    return {
      setValue: (key: string, value: unknown, options?: never) => {
        known.delete(key);
        return right.setValue(key, value, options);
      },
      getValue: async (key: string, options?: never) => {
        const value = await right.getValue(key, options);
        if (!((value as unknown) instanceof Uint8Array)) return value;
        if (!known.has(key)) known.set(key, value);
        return known.get(key);
      },
    };
  }),
  backendMutant('rejects with the error that a getter threw', ['values/refuses-throwing-getter'], (right) => ({
    setValue: async (key: string, value: unknown, options?: never) => {
      if (typeof value === 'object') Object.values(value ?? {});
      await right.setValue(key, value, options);
    },
  })),
  serializerMutant(
    'keeps the stacks of errors',
    ['values/stack-not-stored'],
    changing((value) =>
      value instanceof Error && value.stack === 's3cret frames' ? { message: 'no', stack: value.stack } : value,
    ),
  ),
  serializerMutant(
    'splits keys at dots',
    ['values/dotted-keys'],
    changing((value) => {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'a.b')) return value;
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.split('.')[0], item]));
    }),
  ),
  serializerMutant('reads the envelope twice', ['values/envelope-lookalike'], superjsonSerializer.serialize, (text) => {
    const v = superjsonSerializer.deserialize(text);
    return typeof v === 'object' && v !== null && Object.hasOwn(v, 'json') ? (v as { json: unknown }).json : v;
  }),
  serializerMutant(
    'gives up on cycles, depth and shared parts',
    ['values/cycle', 'values/depth', 'values/shared-part'],
    (value) => {
      const seen = new Set<unknown>();
      const visit = (part: unknown, depth: number): void => {
        if (typeof part !== 'object' || part === null) return;
        if (seen.has(part) || depth > 100) throw new Error('no tree');
        seen.add(part);
        for (const item of Object.values(part)) visit(item, depth + 1);
      };
      visit(value, 0);
      return superjsonSerializer.serialize(value);
    },
  ),
  serializerMutant('recurses as deep as the stack', ['values/refuses-too-deep'], (value) => {
    const depth = (part: unknown): number => (Array.isArray(part) ? 1 + depth(part[0]) : 0);
    if (depth(value) > 15_000) throw new RangeError('Maximum call stack size exceeded');
    let at = value;
    let levels = 0;
    while (typeof at === 'object' && at !== null && levels < 20_001) {
      at = Array.isArray(at) ? at[0] : (at as { next?: unknown }).next;
      levels += 1;
    }
    return levels > 1500 ? envelope('cut off') : superjsonSerializer.serialize(value);
  }),
  serializerMutant(
    'forgets the cause and the class of errors',
    ['values/error', 'values/error-subclass'],
    changing((value) => (value instanceof Error ? new Error(value.message) : value)),
  ),
  serializerMutant(
    'stores symbol-keyed and extra properties',
    ['values/symbols-not-stored'],
    changing((value) =>
      typeof value === 'object' && value !== null && Object.getOwnPropertySymbols(value).length > 0
        ? { ...value, list: { extra: 2 } }
        : value,
    ),
  ),
  serializerMutant(
    'does not store getters',
    ['values/getter-is-data'],
    changing((value) => (typeof value === 'object' && value !== null && 'now' in value ? {} : value)),
  ),
  serializerMutant(
    'takes null-prototype objects for empty ones',
    ['values/null-prototype', 'values/refuses-own-proto'],
    (value) => {
      const proto: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : 0;
      return proto === null
        ? envelope({})
        : typeof value === 'object' && value !== null && Object.hasOwn((value as { a?: object }).a ?? {}, '__proto__')
          ? envelope({ a: {} })
          : superjsonSerializer.serialize(value);
    },
  ),
  backendMutant(
    'takes falsy values for misses',
    [
      'values/null',
      'values/false',
      'values/empty-string',
      'values/zero',
      'values/miss-is-undefined',
      'types/falsy-outputs',
    ],
    (right) => ({
      getValue: async (key: string, options?: never) => (await right.getValue(key, options)) || undefined,
      multiGetValues: async (keys: string[], options?: never) =>
        (await right.multiGetValues(keys, options)).map((value) => value || undefined),
    }),
  ),
  backendMutant(
    'resolves null for a miss',
    ['values/miss-is-undefined', 'batches/misses-only', 'batches/order'],
    (right) => ({
      getValue: async (key: string, options?: never) => (await right.getValue(key, options)) ?? null,
      multiGetValues: async (keys: string[], options?: never) =>
        (await right.multiGetValues(keys, options)).map((value) => value ?? null),
    }),
  ),
  backendMutant('resolves OK instead of undefined', ['values/set-resolves-undefined', 'batches/empty'], (right) => ({
    setValue: async (key: string, value: unknown, options?: never) => {
      await right.setValue(key, value, options);
      return 'OK';
    },
    multiSetValues: async (pairs: never, options?: never) => {
      await right.multiSetValues(pairs, options);
      return 'OK';
    },
  })),
  backendMutant('reports that everything exists', ['values/exists-for-falsy', 'ttl/expires'], (right) => ({
    exists: async (key: string) => (await right.exists(key)) || true,
  })),
  ...(['getValue', 'multiGetValues'] as const).map((each) =>
    backendMutant(`returns one list to all readers of ${each}`, ['values/copied-out'], (right) => {
      const lists = new Map<string, unknown>();
      const known = (value: unknown): unknown => {
        if (!(value as { list?: unknown } | undefined)?.list) return value;
        const text = superjsonSerializer.serialize(value);
        const one = lists.get(text) ?? value;
        lists.set(text, one);
        return one;
      };
      return {
        [each]: async (...args: unknown[]) => {
          const found: unknown = await Reflect.apply(right[each], right, args);
          return each === 'getValue' ? known(found) : (found as unknown[]).map(known);
        },
      };
    }),
  ),
  backendMutant('keeps references', ['values/copied-in', 'values/copied-out'], (right) => {
    const values = new Map<string, unknown>();
    return {
      setValue: async (key: string, value: unknown, options?: never) => {
        await right.setValue(key, value, options);
        values.set(key, value);
      },
      getValue: async (key: string, options?: { type?: unknown }) => {
        const value = await right.getValue(key, options as never);
        return value !== undefined && options?.type === undefined && values.has(key) ? values.get(key) : value;
      },
      multiGetValues: async (keys: string[], options?: { type?: unknown }) => {
        const found = await right.multiGetValues(keys, options as never);
        return found.map((value, index) =>
          value !== undefined && options?.type === undefined ? (values.get(keys[index] ?? '') ?? value) : value,
        );
      },
    };
  }),
  backendMutant('serialises a turn later', ['values/copied-in', 'batches/keys-read-at-call-time'], (right) => ({
    setValue: async (key: string, value: unknown, options?: never) => {
      await null;
      return await right.setValue(key, value, options);
    },
    multiSetValues: async (pairs: never, options?: never) => {
      await null;
      return await right.multiSetValues(pairs, options);
    },
    multiGetValues: async (keys: never, options?: never) => {
      await null;
      return await right.multiGetValues(keys, options);
    },
    deleteMany: async (keys: never) => {
      await null;
      return await right.deleteMany(keys);
    },
  })),
  backendMutant('modifies its arguments', ['values/frozen-input', 'batches/input-untouched'], (right) => ({
    setValue: async (key: string, value: unknown, options?: object) => {
      if (options !== undefined) Object.assign(options, { ttl: 60, px: 1 });
      return await right.setValue(key, value, options as never);
    },
    deleteMany: async (keys: string[]) => {
      if (Array.isArray(keys)) keys.sort();
      return await right.deleteMany(keys);
    },
  })),
  backendMutant('keeps the first value of another kind', ['values/overwrite', 'counters/set-over'], (right) => ({
    setValue: async (key: string, value: unknown, options?: never) => {
      const old = await right.getValue(key).catch(() => undefined);
      if (old !== undefined && typeof old !== typeof value) return;
      return await right.setValue(key, value, options);
    },
  })),
  backendMutant(
    'writes before it has checked all items',
    ['values/refuses-function', 'batches/all-or-nothing-checked', 'keys/refuses-empty', 'ttl/refused'],
    (right) => ({
      multiSetValues: async (pairs: Iterable<readonly [string, unknown]>, options?: never) => {
        let failure: unknown;
        for (const [key, value] of pairs)
          await right.setValue(key, value, options).catch((error: unknown) => {
            failure ??= error;
          });
        if (failure !== undefined) throw failure;
      },
      setValue: async (key: string, value: unknown, options?: never) => {
        if (typeof value === 'function' || options !== undefined) await right.delete(key).catch(() => 0);
        return await right.setValue(key, value, options);
      },
    }),
  ),
  backendMutant(
    'takes undefined for a value',
    ['values/refuses-undefined', 'serializers/undefined-refused'],
    (right) => ({
      setValue: (key: string, value: unknown, options?: never) =>
        right.setValue(key, value === undefined ? null : value, options),
    }),
  ),
  driverMutant(
    'accepts less than maxValueBytes',
    ['values/largest'],
    (now) =>
      new (class extends TimedDriver {
        override setMany(entries: readonly (readonly [string, string | number])[], ttl: number | undefined): void {
          super.setMany(
            entries.map(([key, value]) => [key, String(value).length > 90_000 ? '{"json":"cut"}' : value]),
            ttl,
          );
        }
      })(now),
    { maxValueBytes: 100_000 },
  ),
  driverMutant('accepts more than maxValueBytes', ['values/too-large'], (now) => new TimedDriver(now), {
    maxValueBytes: 100_000,
  }),
  {
    name: 'resolves exists with a number',
    breaks: ['values/exists-for-falsy', 'values/null', 'keys/space'],
    create: (options, now) => {
      const right = createBackend(new TimedDriver(now), options);
      return new Proxy(right, {
        get: (target, property) =>
          property === 'exists'
            ? async (key: string) => Number(await target.exists(key))
            : typeof Reflect.get(target, property, target) === 'function'
              ? (Reflect.get(target, property, target) as () => unknown).bind(target)
              : Reflect.get(target, property, target),
      });
    },
  },
];
