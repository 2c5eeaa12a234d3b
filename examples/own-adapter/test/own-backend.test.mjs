// Run by `node --test`.
import { describe, it } from 'node:test';
import { describeCacheBackend } from '@ninefold/core/conformance';
import { ownBackend, ownCapabilities } from '../own-backend.mjs';

const store = new Map();

describeCacheBackend('own', {
  describe,
  it,
  create: (options) => ownBackend(store, options),
  capabilities: ownCapabilities,
});
