import { createBackend } from '@ninefold/core';
import { describeCacheBackend, rules } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';

let now = 0;
const clock = {
  advance(milliseconds: number): void {
    now += milliseconds;
  },
};

describeCacheBackend('a right driver', {
  describe,
  it,
  create: (options) => createBackend(new TimedDriver(() => now), options),
  capabilities: mapCapabilities,
  clock,
});

const uncounting = { ...mapCapabilities, atomicIncr: false };

describeCacheBackend('a right driver that has no counters', {
  describe,
  it,
  create: (options) => createBackend(Object.assign(new TimedDriver(() => now), { capabilities: uncounting }), options),
  capabilities: uncounting,
  clock,
});

describe('the rules', () => {
  it('have stable ids of their own, a topic and a sentence', () => {
    const ids = rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, text } of rules) {
      expect(id).toMatch(/^[a-z]+\/[A-Za-z0-9-]+$/);
      expect(text.length).toBeGreaterThan(10);
      expect(text).not.toMatch(/\.$/);
    }
    expect(rules.length).toBeGreaterThanOrEqual(120);
  });
});
