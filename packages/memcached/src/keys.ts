import { hash } from 'node:crypto';
import { CacheError } from '@ninefold/core';

/** The prefix of a hashed key. */
const MARKER = 'ninefold:sha256:';
/** The keys that memcached accepts. */
const LEGAL = /^[\x21-\x7e]{1,250}$/;

/**
 * The key of an entry as it is stored in the server, for use with other tools: `namespace:key`, or, if memcached does not
 * accept that, `ninefold:sha256:` and its SHA-256 in base64url. Throws `INVALID_KEY` for a key that is not a string.
 */
export function keyInServer(key: string, options: { readonly namespace?: string | undefined } = {}): string {
  if (typeof key !== 'string') {
    const reason = 'a key must be a string';
    throw new CacheError({ code: 'INVALID_KEY', backend: 'memcached', operation: 'keyInServer', reason });
  }
  return wireKey(options.namespace === undefined ? key : `${options.namespace}:${key}`);
}

export function wireKey(stored: string): string {
  if (LEGAL.test(stored) && !stored.startsWith(MARKER)) return stored;
  return MARKER + hash('sha256', stored, 'base64url');
}
