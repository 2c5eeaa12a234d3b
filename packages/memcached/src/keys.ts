import { hash } from 'node:crypto';

/** What the key of an entry begins with if it had to be hashed. */
const MARKER = 'ninefold:sha256:';
/** What memcached takes for a key. */
const LEGAL = /^[\x21-\x7e]{1,250}$/;

/**
 * The key under which an entry lies in the server, for looking at it with other tools: `namespace:key`, or, where
 * memcached does not take that, `ninefold:sha256:` and its SHA-256 in base64url.
 */
export function keyInServer(key: string, options: { readonly namespace?: string | undefined } = {}): string {
  return wireKey(options.namespace === undefined ? key : `${options.namespace}:${key}`);
}

export function wireKey(stored: string): string {
  if (LEGAL.test(stored) && !stored.startsWith(MARKER)) return stored;
  return MARKER + hash('sha256', stored, 'base64url');
}
