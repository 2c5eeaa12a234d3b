import type { CacheBackend } from '../backend.ts';
import { isCacheError } from '../errors.ts';
import { equal } from './equal.ts';
import type { SuiteOptions } from './rule.ts';
import { show, showDifference } from './transcript.ts';

/** The part of fast-check (https://fast-check.dev) that the check uses. The caller passes it in, as for the runner. */
export interface FastCheck {
  constantFrom<T>(...values: T[]): Arbitrary<T>;
  nat(max: number): Arbitrary<number>;
  array<T>(items: Arbitrary<T>, constraints: { minLength?: number; maxLength?: number }): Arbitrary<T[]>;
  tuple<T extends unknown[]>(...items: { [Index in keyof T]: Arbitrary<T[Index]> }): Arbitrary<T>;
  commands(
    commands: Arbitrary<Command>[],
    constraints: { maxCommands: number; size: 'max' },
  ): Arbitrary<Iterable<Command>>;
  asyncModelRun(setup: () => Promise<{ model: Model; real: CacheBackend }>, commands: Iterable<Command>): Promise<void>;
  asyncProperty<T>(values: Arbitrary<T>, predicate: (value: T) => Promise<void>): unknown;
  assert(property: unknown, parameters: { numRuns: number; seed?: number }): Promise<void> | void;
}

export interface Arbitrary<T> {
  map<U>(change: (value: T) => U): Arbitrary<U>;
}

export interface ModelOptions extends SuiteOptions {
  readonly fc: FastCheck;
  /** The number of sequences of calls; default 100. */
  readonly runs?: number | undefined;
  /** The seed that fast-check printed with a failure, to reproduce it. */
  readonly seed?: number | undefined;
}

/** Keys that careless backends trim, fold, hash or mistake for a property. Commands hold indexes into this list. */
const KEYS = ['__proto__', ' a\r\n😀', 'k'.repeat(300)];
const MAX = Number.MAX_SAFE_INTEGER;
const VALUES: readonly unknown[] = [
  null,
  0,
  '',
  false,
  '5',
  41,
  -7,
  MAX,
  -MAX,
  -0,
  1.5,
  1n,
  'text',
  { a: [1, { u: undefined }] },
  new Date(0),
  new Uint8Array([0, 255]),
  new Map([['k', new Set([1])]]),
];
const DELTAS = [1, 0, -1, 7, -41, 2 ** 32, MAX, -MAX];

interface Entry {
  readonly value: unknown;
  /** Milliseconds on the clock of the model; `Infinity` if the entry never expires. */
  readonly expiry: number;
}

/** The expected content of a correct cache after the same calls. */
export class Model {
  now = 0;
  readonly #entries = new Map<string, Entry>();

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.now < entry.expiry ? entry : undefined;
  }

  set(key: string, value: unknown, ttl: number | undefined): void {
    this.#entries.set(key, { value, expiry: this.now + (ttl ?? Number.POSITIVE_INFINITY) * 1000 });
  }

  delete(key: string): number {
    const there = this.get(key) !== undefined;
    this.#entries.delete(key);
    return there ? 1 : 0;
  }

  /** The new value, or the code that `incr` rejects with. */
  incr(key: string, delta: number, ttl: number | undefined): number | string {
    const entry = this.get(key);
    const value = entry === undefined ? 0 : entry.value;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 'NOT_A_COUNTER';
    const sum = (value as number) + delta;
    if (!Number.isSafeInteger(sum)) return 'COUNTER_RANGE';
    if (entry === undefined) this.set(key, sum, ttl);
    else this.#entries.set(key, { value: sum, expiry: entry.expiry });
    return sum;
  }
}

/** One call, made on both the model and the backend. */
export interface Command {
  check(model: Model): boolean | Promise<boolean>;
  run(model: Model, real: CacheBackend): Promise<void>;
  toString(): string;
}

function command(
  text: string,
  run: (model: Model, real: CacheBackend) => Promise<readonly [unknown, unknown]>,
): Command {
  return {
    check: () => true,
    toString: () => text,
    async run(model, real): Promise<void> {
      const [actual, expected] = await run(model, real);
      if (!equal(actual, expected)) throw new Error(`${text}: ${showDifference(actual, expected)}`);
    },
  };
}

/**
 * Generates sequences of calls and compares every result with that of a `Map`. Rejects with fast-check's report of the
 * shortest failing sequence, including its seed and path.
 */
export async function checkModel(options: ModelOptions): Promise<void> {
  const { fc, clock, create, seed, runs: numRuns = 100 } = options;
  const property = fc.asyncProperty(
    fc.commands(commandsOf(options), { maxCommands: 40, size: 'max' }),
    async (commands) => {
      const real = await create({ namespace: `model-${crypto.randomUUID()}` });
      try {
        await fc.asyncModelRun(async () => ({ model: new Model(), real }), commands);
      } finally {
        // The server may be shared: remove what was written.
        if (clock === undefined) await real.deleteMany(KEYS);
        await real.close();
      }
    },
  );
  await fc.assert(property, seed === undefined ? { numRuns } : { numRuns, seed });
}

function commandsOf({ fc, clock, capabilities }: ModelOptions): Arbitrary<Command>[] {
  const key = fc.nat(KEYS.length - 1).map((index) => KEYS[index] ?? '');
  const keys = fc.array(key, { maxLength: 5 });
  const value = fc.constantFrom(...VALUES);
  // Without a clock expiry cannot be predicted, so the TTL exceeds the duration of any run.
  const ttl = fc.constantFrom<number | undefined>(undefined, ...(clock === undefined ? [600] : [1.5, 5, 3_888_000]));
  const delta = fc.constantFrom(...DELTAS);
  const pairs = fc.array(fc.tuple(key, value), { maxLength: 5 });
  const passing = fc.constantFrom(300, 900, 2200, 3_000_000_000);
  const commands = [
    key.map((k) => command(`get ${show(k)}`, async (m, r) => [await r.getValue(k), m.get(k)?.value])),
    fc.tuple(key, value, ttl).map(([k, v, t]) =>
      command(`set ${show(k)} ${show(v)} ttl ${t}`, async (m, r) => {
        m.set(k, v, t);
        return [await r.setValue(k, v, { ttl: t }), undefined];
      }),
    ),
    keys.map((ks) =>
      command(`multiGet ${show(ks)}`, async (m, r) => [await r.multiGetValues(ks), ks.map((k) => m.get(k)?.value)]),
    ),
    fc.tuple(pairs, ttl).map(([ps, t]) =>
      command(`multiSet ${show(ps)} ttl ${t}`, async (m, r) => {
        for (const [k, v] of ps) m.set(k, v, t);
        return [await r.multiSetValues(ps, { ttl: t }), undefined];
      }),
    ),
    key.map((k) => command(`exists ${show(k)}`, async (m, r) => [await r.exists(k), m.get(k) !== undefined])),
    key.map((k) => command(`delete ${show(k)}`, async (m, r) => [await r.delete(k), m.delete(k)])),
    keys.map((ks) =>
      command(`deleteMany ${show(ks)}`, async (m, r) => [
        await r.deleteMany(ks),
        ks.reduce((sum, k) => sum + m.delete(k), 0),
      ]),
    ),
    fc.tuple(key, delta, ttl).map(([k, d, t]) =>
      command(`incr ${show(k)} ${d} ttl ${t}`, async (m, r) => {
        const expected = capabilities.atomicIncr ? m.incr(k, d, t) : 'UNSUPPORTED';
        const actual = await r
          .incr(k, d === 1 ? undefined : d, { ttl: t })
          .catch((error: unknown) => (isCacheError(error) ? error.code : error));
        return [actual, expected];
      }),
    ),
  ];
  if (clock === undefined) return commands;
  const advance = passing.map((milliseconds) =>
    command(`${milliseconds / 1000} s pass`, async (model) => {
      model.now += milliseconds;
      clock.advance(milliseconds);
      return [undefined, undefined];
    }),
  );
  return [...commands, advance, advance];
}
