import type { FaultLab } from '@ninefold/core/conformance';
import { tryFaults } from '@ninefold/tooling/testing/try-faults';
import { afterEach, beforeEach } from 'vitest';
import { startLab } from './support/lab.ts';

let lab: FaultLab;
let stop: () => Promise<void>;

// Of its own for each rule: `fetch` keeps connections beyond a rule, and some of them are silent.
beforeEach(async () => {
  ({ lab, stop } = await startLab());
});

afterEach(() => stop());

tryFaults('upstash', () => lab);
