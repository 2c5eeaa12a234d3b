import {
  type CacheBackend,
  type CacheDriver,
  CacheError,
  type Capabilities,
  createBackend,
  type RemoteOptions,
  superjsonSerializer,
} from '@ninefold/core';
import { mapCapabilities } from '../../support/map-driver.ts';
import { TimedDriver } from '../../support/timed-driver.ts';

/** A wrong backend, and the rules that it must break at least. */
export interface Mutant {
  readonly name: string;
  readonly breaks: readonly string[];
  readonly capabilities?: Partial<Capabilities>;
  readonly create: (options: RemoteOptions, now: () => number) => CacheBackend;
}

export type Now = () => number;

/** A mutant whose driver is wrong. */
export function driverMutant(
  name: string,
  breaks: readonly string[],
  make: (now: Now) => CacheDriver,
  capabilities: Partial<Capabilities> = {},
): Mutant {
  const create: Mutant['create'] = (options, now) => createBackend(make(now), options);
  return { name, breaks, capabilities, create };
}

/** A mutant that wraps a correct backend and does some operations wrong. */
export function backendMutant(
  name: string,
  breaks: readonly string[],
  change: (right: CacheBackend, options: RemoteOptions) => Record<string, unknown>,
): Mutant {
  const create: Mutant['create'] = (options, now) => {
    const right = createBackend(new TimedDriver(now), options);
    return instead(right, change(right, options));
  };
  return { name, breaks, create };
}

/** A mutant with a wrong serializer, unless the rule passes one. */
export function serializerMutant(
  name: string,
  breaks: readonly string[],
  serialize: (value: unknown) => string,
  deserialize: (text: string) => unknown = (text) => superjsonSerializer.deserialize(text),
): Mutant {
  const create: Mutant['create'] = (options, now) =>
    createBackend(new TimedDriver(now), { serializer: { serialize, deserialize }, ...options });
  return { name, breaks, create };
}

/** A mutant that maps every key before it reaches a correct backend. */
export function keyMutant(name: string, breaks: readonly string[], map: (key: string) => string): Mutant {
  const create: Mutant['create'] = (options, now) => mapKeys(createBackend(new TimedDriver(now), options), map);
  return { name, breaks, create };
}

/** A backend whose keys are mapped. Anything that is not a key is passed on unchanged. */
export function mapKeys(right: CacheBackend, map: (key: string) => string): CacheBackend {
  const one = (key: unknown): unknown => (typeof key === 'string' && key !== '' ? map(key) : key);
  const mapped = (operation: string, first: unknown): unknown => {
    if (!Array.isArray(first)) return one(first);
    if (operation !== 'multiSetValues') return Array.from(first, one);
    return first.map((pair: unknown) => (Array.isArray(pair) ? [one(pair[0]), ...pair.slice(1)] : pair));
  };
  return new Proxy(right, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return (...[first, ...rest]: unknown[]): unknown =>
        Reflect.apply(member, target, [mapped(String(property), first), ...rest]);
    },
  });
}

/** A correct backend with some members replaced. */
export function instead(right: CacheBackend, changed: Record<string, unknown>): CacheBackend {
  return new Proxy(right, {
    get: (target, property) => {
      if (typeof property === 'string' && Object.hasOwn(changed, property)) return changed[property];
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

export const OPERATIONS = [
  'getValue',
  'setValue',
  'multiGetValues',
  'multiSetValues',
  'exists',
  'delete',
  'deleteMany',
  'incr',
] as const;

export type Call = (...args: never[]) => Promise<unknown>;

/** Passes every call of the operations through `change`. */
export function around(
  right: CacheBackend,
  change: (operation: string, call: () => Promise<unknown>, args: unknown[]) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    OPERATIONS.map((operation) => [
      operation,
      (...args: never[]) => change(operation, () => (right[operation] as Call).apply(right, args), args),
    ]),
  );
}

export function cacheError(code: CacheError['code'], operation: CacheError['operation'], reason: string): CacheError {
  return new CacheError({ code, backend: 'timed', operation, reason });
}

export const capabilitiesOf = ({ capabilities }: Mutant): Capabilities => ({ ...mapCapabilities, ...capabilities });

/** A copy of a value with each of its leaves changed. */
export function deep(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => deep(item, change));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item, change)]));
}
