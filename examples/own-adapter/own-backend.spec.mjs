// Run by Vitest.
import { describeCacheBackend } from '@ninefold/core/conformance';
import { describe, it } from 'vitest';
import { ownBackend, ownCapabilities } from './own-backend.mjs';

const store = new Map();

describeCacheBackend('own', {
  describe,
  it,
  create: (options) => ownBackend(store, options),
  capabilities: ownCapabilities,
});
