import { type CacheDriver, createBackend } from '@ninefold/core';
import { type Rule, rules, runRule } from '@ninefold/core/conformance';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';

/** The clock of the machine, in milliseconds. */
let now = 0;

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation((callback, milliseconds = 0) => {
    now += milliseconds;
    return setImmediate(callback) as never;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A correct driver on a machine that stalls around some of its calls. */
function stalling(stallOf: (call: number) => number): CacheDriver {
  let calls = 0;
  return new Proxy<CacheDriver>(new TimedDriver(() => now), {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function' || property === 'close') return member;
      return (...args: readonly unknown[]): unknown => {
        const [before, after] = [stallOf(calls), stallOf(calls + 1)];
        calls += 2;
        now += before;
        const answer: unknown = member.apply(target, args);
        now += after;
        return answer;
      };
    },
  });
}

async function tryRule(rule: Rule, stallOf: (call: number) => number): Promise<void> {
  const driver = stalling(stallOf);
  const create = ({ namespace }: { readonly namespace?: string | undefined }) => createBackend(driver, { namespace });
  await runRule(rule, { create, capabilities: mapCapabilities });
}

describe('a rule that waits passes a correct backend on a stalling machine', () => {
  it.each(rules.filter(({ waits }) => waits === true))('$id', async (rule) => {
    for (const stall of [400, 900, 1100, 1600, 2100, 4100]) {
      await tryRule(rule, () => stall);
      for (let at = 0; at < 24; at++) await tryRule(rule, (moment) => (moment === at ? stall : 0));
    }
    expect(now).toBeGreaterThan(0);
  });
});
