import type { FaultLab } from '@ninefold/core/conformance';
import { tryFaults } from '@ninefold/tooling/testing/try-faults';
import { afterAll, beforeAll } from 'vitest';
import { startLab } from './support/lab.ts';

let lab: FaultLab;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ lab, stop } = await startLab());
});

afterAll(() => stop());

tryFaults('upstash', () => lab);
