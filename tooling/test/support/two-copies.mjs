// Loads both builds of core in one program, as when an application imports it and a framework requires it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from '@ninefold/core';
import * as importedSuite from '@ninefold/core/conformance';
import * as importedMemory from '@ninefold/memory';

const require = createRequire(import.meta.url);
/** @type {typeof imported} */
const required = require('@ninefold/core');
/** @type {typeof importedSuite} */
const requiredSuite = require('@ninefold/core/conformance');
/** @type {typeof importedMemory} */
const requiredMemory = require('@ninefold/memory');
assert.notEqual(imported.CacheError, required.CacheError, 'these must be two copies');

for (const [one, other, memory] of /** @type {const} */ ([
  [imported, required, requiredMemory],
  [required, imported, importedMemory],
])) {
  const cache = memory.memoryBackend();
  const failure = await cache.getValue('').catch((error) => error);
  assert.ok(one.isCacheError(failure) && other.isCacheError(failure));

  const scope = one.scoped(cache, 'tenant');
  await scope.setValue('k', new Map([['at', new Date(0)]]));
  assert.deepEqual(await cache.getValue('tenant:k'), new Map([['at', new Date(0)]]));

  const driver = { ...mapDriver(), get: () => Promise.reject(new one.DriverError('AUTH', 'no permission')) };
  await assert.rejects(other.createBackend(driver).getValue('k'), { code: 'AUTH' });
}

for (const [suite, { memoryBackend, memoryCapabilities }] of /** @type {const} */ ([
  [importedSuite, requiredMemory],
  [requiredSuite, importedMemory],
])) {
  let time = 0;
  const clock = {
    advance: (/** @type {number} */ milliseconds) => {
      time += milliseconds;
    },
  };
  const create = (/** @type {imported.RemoteOptions} */ options) => memoryBackend({ ...options, now: () => time });
  const options = { create, capabilities: memoryCapabilities, clock };
  const rules = suite.rulesFor(options);
  for (const rule of rules) await suite.runRule(rule, options);
  console.log(`${rules.length} rules`);
}

/** @returns {imported.CacheDriver} */
function mapDriver() {
  const unused = () => {
    throw new Error('must not be called');
  };
  const capabilities = importedMemory.memoryCapabilities;
  const methods = { get: unused, getMany: unused, setMany: unused, exists: unused, deleteMany: unused, incr: unused };
  return { name: 'refusing', capabilities, ...methods, close: () => undefined };
}
