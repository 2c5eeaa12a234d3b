import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { describe, it } from 'vitest';
import { staysQuiet } from './stays-quiet.ts';

/** Defines a test for every fault rule. `lab` is called when a test runs. */
export function tryFaults(name: string, lab: () => FaultLab): void {
  describe('on a connection with faults', () => {
    staysQuiet();

    for (const rule of faults) it(`${rule.id}: ${rule.text}`, () => runFaultRule(rule, lab(), name));
  });
}
