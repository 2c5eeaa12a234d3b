import { describeCacheBackend } from '@ninefold/core/conformance';
import { describe, it } from 'vitest';
import { memoryBackend, memoryCapabilities } from '../src/memory.ts';

let time = 0;

describeCacheBackend('memory', {
  describe,
  it,
  create: (options) => memoryBackend({ ...options, now: () => time }),
  capabilities: memoryCapabilities,
  clock: {
    advance: (milliseconds) => {
      time += milliseconds;
    },
  },
});
