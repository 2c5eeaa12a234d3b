import { createBackend, type Found, type Stored } from '@ninefold/core';
import { checkModel } from '@ninefold/core/conformance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapCapabilities } from '../support/map-driver.ts';
import { TimedDriver } from '../support/timed-driver.ts';

let now = 0;
const clock = {
  advance(milliseconds: number): void {
    now += milliseconds;
  },
};

function check(make: () => TimedDriver, runs: number, seed?: number): Promise<void> {
  return checkModel({
    fc,
    create: (options) => createBackend(make(), options),
    capabilities: mapCapabilities,
    clock,
    runs,
    seed,
  });
}

class LikeAFalsyMiss extends TimedDriver {
  override get(key: string): Found {
    return super.get(key) || undefined;
  }
}

class FirstWins extends TimedDriver {
  override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
    super.setMany(entries.length > 1 ? entries.slice(0, -1) : entries, ttl);
  }
}

class DeltaOrOne extends TimedDriver {
  override incr(key: string, delta: number, ttl: number | undefined): number {
    return super.incr(key, delta || 1, ttl);
  }
}

class KeepsTtl extends TimedDriver {
  override setMany(entries: readonly (readonly [string, Stored])[], ttl: number | undefined): void {
    const old = entries.map(([key]) => this.entries.get(key)?.deadline);
    super.setMany(entries, ttl);
    for (const [index, [key, value]] of entries.entries()) {
      const deadline = old[index];
      if (deadline !== undefined && ttl === undefined) this.entries.set(key, { value, deadline });
    }
  }
}

describe('the model', () => {
  it('agrees with a right backend', async () => {
    await check(() => new TimedDriver(() => now), 300);
  });

  for (const Wrong of [LikeAFalsyMiss, FirstWins, DeltaOrOne, KeepsTtl]) {
    it(`finds what ${Wrong.name} does wrong, and prints the seed`, async () => {
      const failure: unknown = await check(() => new Wrong(() => now), 1000, 42).catch((error: unknown) => error);
      expect(String(failure)).toMatch(/seed: -?\d+/);
      expect(String((failure as Error).cause)).toMatch(/expected .*, got /);
    });
  }
});
