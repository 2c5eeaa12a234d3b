import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startLab } from './support/lab.ts';

let lab: FaultLab;
let stop: () => Promise<void>;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeAll(async () => {
  ({ lab, stop } = await startLab());
  process.on('unhandledRejection', onUnhandled);
});

afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  await stop();
});

describe('on a way to the server that fails', () => {
  for (const rule of faults) {
    it(`${rule.id}: ${rule.text}`, async () => {
      const words = (['log', 'warn', 'error', 'info', 'debug'] as const).map((method) => vi.spyOn(console, method));
      await runFaultRule(rule, lab, 'memcached');
      for (const word of words) expect(word).not.toHaveBeenCalled();
      vi.restoreAllMocks();
      expect(unhandled).toEqual([]);
    }, 30_000);
  }
});
