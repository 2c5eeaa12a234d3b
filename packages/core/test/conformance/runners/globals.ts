import type { Runner } from '@ninefold/core/conformance';
import { tryUnder } from './try.ts';

// Mocha and Jest put theirs into the global object.
const { describe, it } = globalThis as unknown as Runner;
tryUnder({ describe, it });
