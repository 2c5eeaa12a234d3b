import { notLinearizable } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';
import { countersOf, historyOf, type ProcessBackend } from '../processes/processes.ts';

const PROCESSES = 4;
const INCREMENTS = 250;
const STEPS = 60;

/** Defines the tests of several processes that share a server. `run` names the test, for its own namespace. */
export function tryProcesses(title: string, backend: (run: string) => ProcessBackend): void {
  describe(title, () => {
    it('count every increment once', async () => {
      const results = await countersOf(backend('count'), PROCESSES, INCREMENTS);
      expect(results).toEqual(Array.from({ length: PROCESSES * INCREMENTS }, (_, index) => index + 1));
    });

    it('see a linearizable history of each key', async () => {
      const history = await historyOf(backend('mix'), PROCESSES, STEPS);
      expect(history.length).toBeGreaterThan(PROCESSES * 100);
      expect(notLinearizable(history)).toBeUndefined();
    });
  });
}
