import { type CacheBackend, type CacheDriver, createBackend, DriverError, type RemoteOptions } from '@ninefold/core';
import { type Rule, RuleBroken, rules, runRule, type SuiteOptions } from '@ninefold/core/conformance';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';
import { sharedDriver } from './mutants/keys.ts';
import { instead, OPERATIONS } from './mutants/mutant.ts';

const never = (): Promise<never> => new Promise(() => undefined);
const right = (options: RemoteOptions): CacheBackend => createBackend(new TimedDriver(Date.now), options);

/** The message of a broken rule, or 'kept'. */
async function reportOf(id: string, create: SuiteOptions['create'], clock?: SuiteOptions['clock']): Promise<string> {
  const rule = rules.find((each) => each.id === id);
  if (rule === undefined) throw new Error(`there is no rule ${id}`);
  const options = { create, capabilities: mapCapabilities, clock, ruleTimeoutMs: 300 };
  const error = await runRule(rule, options, 'it').catch((reason: unknown) => reason);
  if (error === undefined) return 'kept';
  expect(error).toBeInstanceOf(RuleBroken);
  return (error as RuleBroken).message;
}

describe('a rule', () => {
  afterEach(() => vi.useRealTimers());

  it('ends in time with its calls, whatever never settles', async () => {
    const create: SuiteOptions['create'] = (options) => instead(right(options), { exists: never });
    expect(await reportOf('keys/case', create)).toMatch(
      /setValue\('Key', 'changed'\) → undefined .* exists\('Key'\) → pending\n {2}expected it to end within 0.3 s/,
    );
  });

  it('is kept on a server that holds keys of others', async () => {
    const create = (options: RemoteOptions): CacheBackend => {
      const driver = sharedDriver(Date.now);
      driver.setMany([['k', 'of another']], undefined);
      return createBackend(driver, options);
    };
    expect(await reportOf('keys/stored-key', create)).toBe('kept');
  });

  it('reports which of many calls is pending', async () => {
    let count = 0;
    const incr = async (): Promise<number> => (count++ === 5 ? await never() : count);
    expect(await reportOf('concurrency/no-increment-lost', (options) => instead(right(options), { incr }))).toMatch(
      /… 488 calls before … · incr\('k'\) → pending · incr\('k'\) → 489 /,
    );
  });

  it.each(OPERATIONS)('ends if %s never settles', async (operation) => {
    const create: SuiteOptions['create'] = (options) => instead(right(options), { [operation]: never });
    expect(await reportOf('keys/case', create)).toMatch(new RegExp(`${operation}\\([^·]* → pending\n`));
  });

  it('ends if a backend is never created', async () => {
    expect(await reportOf('keys/case', never)).toContain('expected it to end within 0.3 s');
  });

  it('reports what a factory threw', async () => {
    const create = (): never => {
      throw new TypeError('no connection');
    };
    expect(await reportOf('keys/case', create)).toMatch(
      /\n {4}create\({ namespace: 'suite-\S+' }\) → throws TypeError: no connection\n/,
    );
  });

  it.each([
    [0.5, '0.5'],
    ['0.5', "'0.5'"],
  ])('reports the first result that no order of concurrent calls explains: %j', async (value, shown) => {
    const getValue = async (): Promise<unknown> => value;
    const report = await reportOf('concurrency/linearizable', (options) => instead(right(options), { getValue }));
    expect(report).toMatch(
      /expected an order of the calls on '0 [ab]' that explains get → \S+ \(\d+ to \d+\) among .*\d+ to (\d+|later)\)\.$/,
    );
    expect(report).toContain(` explains get → ${shown} (`);
  });

  it('is broken by a backend that never closes, which does not hide an earlier failure', async () => {
    expect(await reportOf('keys/case', (options) => instead(right(options), { close: never }))).toContain(
      'expected its backends to close within 2 s',
    );
    expect(
      await reportOf('keys/case', (options) => instead(right(options), { close: never, exists: async () => 1 })),
    ).toContain('expected true, got 1');
  });

  it('reports an error that was thrown instead of rejected', async () => {
    const exists = (): never => {
      throw new TypeError('no');
    };
    expect(await reportOf('keys/case', (options) => instead(right(options), { exists }))).toContain(
      "exists('Key') → throws TypeError: no",
    );
  });

  it('reports the part in which two values differ that format alike', async () => {
    const multiGetValues = async (keys: readonly string[]): Promise<unknown[]> =>
      keys.map((_, index) => (index === 7 ? 8 : index));
    expect(await reportOf('batches/10000', (options) => instead(right(options), { multiGetValues }))).toContain(
      'expected 7 at [7], got 8.',
    );
    const getValue = async (): Promise<string> => `${'€'.repeat(99_999)}$`;
    expect(await reportOf('values/long-string', (options) => instead(right(options), { getValue }))).toContain(
      "expected '€' at [99999], got '$'",
    );
  });

  it('reports what a wrong driver returned, and where another threw', async () => {
    class Short extends TimedDriver {
      override getMany(keys: readonly string[]) {
        return super.getMany(keys).slice(1);
      }
    }
    class Throwing extends TimedDriver {
      override incr(): never {
        throw new TypeError('of a value');
      }
    }
    expect(await reportOf('batches/order', (options) => createBackend(new Short(Date.now), options))).toContain(
      'expected it to work, got BACKEND: [timed] multiGetValues: the driver returned 6 values for 7 keys.',
    );
    expect(await reportOf('counters/creates', (options) => createBackend(new Throwing(Date.now), options))).toMatch(
      /got BACKEND: \[timed\] incr "one": the driver threw TypeError, at \S*Throwing\.incr \(.*run-rule\.test\.ts:\d+:\d+\)\. To see what it threw, catch it in the driver\.$/,
    );
    class Missing extends TimedDriver {
      override get(key: string) {
        return super.get(key) ?? null;
      }
    }
    expect(
      await reportOf('values/miss-is-undefined', (options) => createBackend(new Missing(Date.now), options)),
    ).toMatch(
      /got CORRUPT: .* cannot be read\. A driver returns each text or integer as it was stored, and undefined for a miss\./,
    );
    class Refusing extends TimedDriver {
      override incr(): never {
        throw new DriverError('BACKEND', 'refused', { applied: 'no', cause: { code: '22021' } });
      }
    }
    expect(await reportOf('counters/creates', (options) => createBackend(new Refusing(Date.now), options))).toContain(
      'got BACKEND: [timed] incr "one": refused (22021).',
    );
  });

  it.each([
    ['batches/200000', 'get', 'UNAVAILABLE'],
    ['types/on-callers-time', 'setMany', 'TIMEOUT'],
  ] as const)('gives a backend that rejects immediately time to connect: %s', async (id, method, code) => {
    const driver = new TimedDriver(Date.now);
    const connected = driver[method].bind(driver) as CacheDriver[typeof method];
    let refusals = 0;
    const refused = (): never => {
      refusals += 1;
      if (refusals === 1) setTimeout(() => Object.assign(driver, { [method]: connected }), 0);
      throw new DriverError(refusals < 1000 ? code : 'BACKEND', 'no connection', { applied: 'no' });
    };
    Object.assign(driver, { [method]: refused });
    const rule = rules.find((each) => each.id === id) as Rule;
    await runRule(rule, { create: (options) => createBackend(driver, options), capabilities: mapCapabilities });
    expect(refusals).toBeGreaterThan(0);
  });

  it('does not time out because a test moves the clock of its process', async () => {
    vi.useFakeTimers();
    const clock = { advance: (milliseconds: number) => void vi.advanceTimersByTime(milliseconds) };
    expect(await reportOf('ttl/lives-366-days', right, clock)).toBe('kept');
  });
});
