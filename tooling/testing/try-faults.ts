import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { describe, it } from 'vitest';
import { staysQuiet } from './stays-quiet.ts';

/** Every fault rule on a lab that is there once the tests run. */
export function tryFaults(name: string, lab: () => FaultLab): void {
  describe('on a way to the server that fails', () => {
    staysQuiet();

    for (const rule of faults) it(`${rule.id}: ${rule.text}`, () => runFaultRule(rule, lab(), name));
  });
}
