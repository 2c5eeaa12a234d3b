import { type CacheBackend, createBackend, missOnError, observed, type RemoteOptions, scoped } from '@ninefold/core';
import { describeCacheBackend, RuleBroken, rulesFor, runRule } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';
import { ForeignBackend } from '../support/foreign-backend.ts';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';

let now = 0;
const clock = {
  advance(milliseconds: number): void {
    now += milliseconds;
  },
};

const right = (options: RemoteOptions): CacheBackend => createBackend(new TimedDriver(() => now), options);
const watched = (backend: CacheBackend): CacheBackend => observed(backend, () => undefined);
const degrading = (backend: CacheBackend): CacheBackend =>
  missOnError(backend, {
    onError: (error) => {
      throw error;
    },
  });

const wrapped: Record<string, (options: RemoteOptions) => CacheBackend> = {
  scoped: (options) => scoped(right(options), 'tenant'),
  observed: (options) => watched(right(options)),
  missOnError: (options) => degrading(right(options)),
  'scoped, observed and missOnError': (options) => scoped(watched(degrading(right(options))), 'tenant'),
  'missOnError on scoped on observed': (options) => degrading(scoped(watched(right(options)), 'tenant')),
  'scoped twice': (options) => scoped(scoped(right(options), 'a'), 'b'),
};

for (const [name, create] of Object.entries(wrapped)) {
  describeCacheBackend(name, { describe, it, create, capabilities: mapCapabilities, clock });
}

describe('scoped, of a class that implements the interface directly', () => {
  it('breaks only the rules on the longest keys, to which its namespace adds, and on options', async () => {
    const broken: string[] = [];
    for (const rule of rulesFor({ capabilities: mapCapabilities })) {
      const create = () => scoped(new ForeignBackend(), 'tenant');
      try {
        await runRule(rule, { create, capabilities: mapCapabilities, clock });
      } catch (error) {
        if (!(error instanceof RuleBroken)) throw error;
        broken.push(rule.id);
      }
    }
    // The class has no options and no TTLs; of the rest of the contract it lacks only the longest keys.
    const ofTheClass =
      /^(ttl|serializers|corruption|errors\/(keys-hidden|name|options)|keys\/namespace|counters\/.*ttl|counters\/restarts)/;
    expect(broken.filter((id) => !ofTheClass.test(id))).toEqual(['keys/8192-bytes', 'keys/8192-bytes-of-emoji']);
  });
});
