import type { Stored } from '@ninefold/core';
import { TimedDriver } from '../../support/timed-driver.ts';
import { around, backendMutant, type Call, driverMutant, type Mutant, type Now } from './mutant.ts';

type Entries = readonly (readonly [string, Stored])[];

/** A mutant whose driver changes the TTL. */
function ttlMutant(name: string, breaks: readonly string[], change: (ttl: number) => number | undefined): Mutant {
  const make = (now: Now) =>
    new (class extends TimedDriver {
      override deadline(ttl: number | undefined): number {
        return super.deadline(ttl === undefined ? undefined : change(ttl));
      }
    })(now);
  return driverMutant(name, breaks, make);
}

const lives = ['30-days', '30-days-and-1', '45-days', '366-days', '10-years', 'longest'].map((id) => `ttl/lives-${id}`);

export const ttlMutants: readonly Mutant[] = [
  ttlMutant(
    'never expires',
    [
      'ttl/expires',
      'ttl/batch-expires',
      'ttl/fraction',
      'ttl/tiny',
      'ttl/shorter-set',
      'ttl/added-by-set',
      'ttl/thousand-expire',
      'counters/restarts-after-expiry',
    ],
    () => undefined,
  ),
  ttlMutant('takes seconds for milliseconds', ['ttl/expires', 'ttl/whole-second-lives'], (ttl) => ttl / 1000),
  ttlMutant('rounds TTLs down to seconds', ['ttl/fraction'], (ttl) => Math.floor(ttl) || undefined),
  ttlMutant(
    'rounds tiny TTLs to 0, which means no expiry',
    ['ttl/tiny'],
    (ttl) => Math.round(ttl * 1000) / 1000 || undefined,
  ),
  ttlMutant('ticks once a second and cuts TTLs short', ['ttl/whole-second-lives', 'ttl/expires'], (ttl) =>
    ttl < 3 ? ttl / 2 - 0.1 : ttl,
  ),
  ttlMutant(
    'takes TTLs from 30 days for dates',
    ['ttl/lives-30-days', 'ttl/lives-30-days-and-1', 'ttl/lives-45-days'],
    (ttl) => (ttl >= 2_592_000 ? 0 : ttl),
  ),
  ttlMutant('takes TTLs over 30 days for dates', ['ttl/lives-30-days-and-1', 'ttl/lives-10-years'], (ttl) =>
    ttl > 2_592_000 ? 0 : ttl,
  ),
  ttlMutant(
    'keeps a 32-bit timer for each entry',
    ['ttl/lives-30-days', 'ttl/lives-45-days', 'ttl/lives-366-days', 'ttl/lives-longest'],
    (ttl) => (ttl * 1000 > 2 ** 31 - 1 ? 0 : ttl),
  ),
  ttlMutant('rounds TTLs down to seconds, and those below one up', ['ttl/fraction'], (ttl) =>
    Math.max(1, Math.floor(ttl)),
  ),
  ttlMutant('ends TTLs of less than half a second at once', ['ttl/fraction'], (ttl) => (ttl < 0.5 ? 0 : ttl)),
  ttlMutant('rounds TTLs down to milliseconds', ['ttl/tiny'], (ttl) => Math.max(1, Math.floor(ttl * 1000)) / 1000),
  ttlMutant('lets entries live three quarters of their TTL', ['ttl/whole-second-lives'], (ttl) => ttl * 0.76),
  ttlMutant('lets nothing live longer than a day', ['ttl/lives-30-days'], (ttl) => Math.min(ttl, 86_400)),
  ttlMutant('takes a TTL over a day for no expiry', ['ttl/lives-30-days'], (ttl) => (ttl > 86_400 ? undefined : ttl)),
  ttlMutant('lets entries live a while longer', ['ttl/fraction'], (ttl) => ttl + 5),
  driverMutant(
    'stores only what is new of a batch with a TTL',
    ['values/overwrite'],
    (now) =>
      new (class extends TimedDriver {
        override setMany(entries: Entries, ttl: number | undefined): void {
          const keepsOld = entries.length > 1 && ttl !== undefined;
          super.setMany(keepsOld ? entries.filter(([key]) => !this.exists(key)) : entries, ttl);
        }
      })(now),
  ),
  driverMutant(
    'keeps the TTL that a set should replace',
    ['ttl/replaced-by-set', 'ttl/replaced-by-batch', 'ttl/longer-set'],
    (now) =>
      new (class extends TimedDriver {
        override setMany(entries: Entries, ttl: number | undefined): void {
          for (const [key, value] of entries) {
            const old = this.exists(key) ? this.entries.get(key) : undefined;
            this.entries.set(key, {
              value,
              deadline: Math.min(old?.deadline ?? Number.POSITIVE_INFINITY, this.deadline(ttl)),
            });
          }
        }
      })(now),
  ),
  driverMutant(
    'gives a batch no TTL',
    ['ttl/batch-expires', 'ttl/thousand-expire', 'ttl/added-by-set'],
    (now) =>
      new (class extends TimedDriver {
        override setMany(entries: Entries, ttl: number | undefined): void {
          const batch = entries.length > 1 || entries.some(([key]) => key.endsWith(':n'));
          super.setMany(entries, batch ? undefined : ttl);
        }
      })(now),
  ),
  driverMutant(
    'applies the TTL of a batch only to its first entry',
    ['ttl/batch-expires', 'ttl/thousand-expire'],
    (now) =>
      new (class extends TimedDriver {
        override setMany(entries: Entries, ttl: number | undefined): void {
          super.setMany(entries.slice(0, 1), ttl);
          super.setMany(entries.slice(1), undefined);
        }
      })(now),
  ),
  driverMutant(
    'extends the TTL with every read',
    ['ttl/not-extended-by-read'],
    (now) =>
      new (class extends TimedDriver {
        readonly #ttls = new Map<string, number>();
        override setMany(entries: Entries, ttl: number | undefined): void {
          for (const [key] of entries) if (ttl !== undefined) this.#ttls.set(key, ttl);
          super.setMany(entries, ttl);
        }
        override get(key: string) {
          const found = super.get(key);
          const entry = this.entries.get(key);
          const ttl = this.#ttls.get(key);
          if (found !== undefined && entry !== undefined && ttl !== undefined)
            this.entries.set(key, { ...entry, deadline: this.deadline(ttl) });
          return found;
        }
      })(now),
  ),
  driverMutant(
    'gives every entry a TTL',
    ['ttl/none-stays', 'ttl/replaced-by-set', 'counters/no-ttl-by-default', 'counters/ttl-only-at-creation'],
    (now) =>
      new (class extends TimedDriver {
        override deadline(ttl: number | undefined): number {
          return super.deadline(ttl ?? 0.2);
        }
      })(now),
  ),
  driverMutant(
    'counts and deletes expired entries',
    ['ttl/expires', 'ttl/fraction', 'ttl/shorter-set'],
    (now) =>
      new (class extends TimedDriver {
        override deleteMany(keys: readonly string[]): number {
          return keys.filter((key) => this.entries.delete(key)).length;
        }
        override exists(key: string): boolean {
          return this.entries.has(key);
        }
      })(now),
  ),
  driverMutant(
    'lets the timer of an old entry delete the new one',
    ['ttl/expired-is-absent', 'ttl/replaced-by-set', 'ttl/longer-set'],
    (now) => {
      const timers: { readonly key: string; readonly at: number }[] = [];
      return new (class extends TimedDriver {
        override setMany(entries: Entries, ttl: number | undefined): void {
          super.setMany(entries, undefined);
          for (const [key] of entries) if (ttl !== undefined) timers.push({ key, at: now() + ttl * 2000 });
          for (const [key] of entries) if (ttl !== undefined) timers.push({ key, at: now() + ttl * 1000 });
        }
        override get(key: string) {
          for (const timer of [...timers]) {
            if (timer.key !== key || timer.at > now()) continue;
            this.entries.delete(key);
            timers.splice(timers.indexOf(timer), 1);
          }
          return super.get(key);
        }
      })(now);
    },
  ),
  driverMutant('keeps the TTL of a deleted entry for the next of its key', ['ttl/gone-with-its-entry'], (now) => {
    const deadlines = new Map<string, number>();
    return new (class extends TimedDriver {
      override deleteMany(keys: readonly string[]): number {
        for (const key of keys) deadlines.set(key, this.entries.get(key)?.deadline ?? 0);
        return super.deleteMany(keys);
      }
      override setMany(entries: Entries, ttl: number | undefined): void {
        super.setMany(entries, ttl);
        for (const [key, value] of entries) {
          const deadline = deadlines.get(key) ?? 0;
          if (ttl === undefined && deadline > now()) this.entries.set(key, { value, deadline });
        }
      }
    })(now);
  }),
  driverMutant(
    'brings an expired entry back',
    ['ttl/once-gone-stays-gone'],
    (now) =>
      new (class extends TimedDriver {
        override get(key: string) {
          const entry = this.entries.get(key);
          return entry !== undefined &&
            Number.isFinite(entry.deadline) &&
            now() > entry.deadline + 200 &&
            now() < entry.deadline + 400
            ? entry.value
            : super.get(key);
        }
      })(now),
  ),
  ...(['setValue', 'multiSetValues', 'incr'] as const).map((each) =>
    backendMutant(
      `takes any TTL in ${each}, and those it does not like for none`,
      each === 'incr' ? ['ttl/refused'] : ['ttl/refused', 'ttl/given-by-name'],
      (right) => ({
        [each]: (...args: unknown[]) => {
          const at = each === 'multiSetValues' ? 1 : 2;
          const { ttl } = (args[at] ?? {}) as { ttl?: unknown };
          if (!(typeof ttl === 'number' && ttl > 0 && ttl <= 1e9)) args[at] = undefined;
          return Reflect.apply(right[each] as Call, right, args);
        },
      }),
    ),
  ),
  backendMutant('takes a TTL of 0 for a delete', ['ttl/refused'], (right) => ({
    setValue: async (key: string, value: unknown, options?: { ttl?: number }) =>
      options?.ttl !== undefined && options.ttl <= 0
        ? void (await right.delete(key))
        : await right.setValue(key, value, options),
  })),
  driverMutant(
    'loses entries with a TTL at once',
    [...lives, 'ttl/expires'],
    (now) =>
      new (class extends TimedDriver {
        override deadline(ttl: number | undefined): number {
          return ttl === undefined ? super.deadline(ttl) : 0;
        }
      })(now),
  ),
  ...(['setValue', 'multiSetValues', 'incr'] as const).map((each) =>
    backendMutant(`coalesces each ${each} under the TTL of the first`, ['ttl/concurrent'], (right) => {
      let first: { readonly options: unknown } | undefined;
      return around(right, async (operation, call, args) => {
        if (operation !== each) return await call();
        const at = each === 'multiSetValues' ? 1 : 2;
        first ??= { options: args[at] };
        const given = [...args];
        given[at] = first.options;
        const result: unknown = await Reflect.apply(right[each] as Call, right, given);
        first = undefined;
        return result;
      });
    }),
  ),
];
