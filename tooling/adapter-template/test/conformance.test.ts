import { describeCacheBackend } from '@ninefold/core/conformance';
import { describe, it } from 'vitest';
import { templateBackend, templateCapabilities } from '../src/template.ts';

const store = new Map();

describeCacheBackend('template', {
  describe,
  it,
  create: (options) => templateBackend({ store, ...options }),
  capabilities: templateCapabilities,
});
