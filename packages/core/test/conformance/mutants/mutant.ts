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

/** A mutant that stands before a right backend and does some operations wrong. */
export function backendMutant(
  name: string,
  breaks: readonly string[],
  change: (right: CacheBackend, options: RemoteOptions) => Record<string, unknown>,
  capabilities: Partial<Capabilities> = {},
): Mutant {
  const create: Mutant['create'] = (options, now) => {
    const right = createBackend(new TimedDriver(now), options);
    return instead(right, change(right, options));
  };
  return { name, breaks, capabilities, create };
}

/** A mutant whose values go through a wrong serializer; one that the rule hands in is left alone. */
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

/** A mutant that maps every key before a right backend sees it. */
export function keyMutant(name: string, breaks: readonly string[], map: (key: string) => string): Mutant {
  const create: Mutant['create'] = (options, now) => mapKeys(createBackend(new TimedDriver(now), options), map);
  return { name, breaks, create };
}

/** A backend that sees other keys than the caller gave; what is no key, it sees as it is. */
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

/** The right backend but for some members. */
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

/** Does something with every call of the nine operations. */
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

/** A value with something else for each of its leaves. */
export function deep(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => deep(item, change));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item, change)]));
}
