import { utf8Bytes } from '@ninefold/core';
import { refusal } from './failure.ts';

/** Plain data. Objects are equal if their properties are, in any order. */
export type KeyPart =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly KeyPart[]
  | { readonly [name: string]: KeyPart };

/** A string, or an array of parts. Different parts are different keys: `['user', 1]`, `['user', '1']`, `'user,1'`. */
export type Key = string | readonly KeyPart[];

/** Strings that need no quotes: they look like no other kind of part and contain no separator. */
const PLAIN = /^(?!(?:true|false|null|undefined|NaN|Infinity)$)[A-Za-z_][\w.@/:-]*$/;
const MAX_DEPTH = 100;
/** Below the 8,192 of a backend, to leave room for the prefix of a counter's name. */
const MAX_BYTES = 8000;

/** The key as text, a different one for each key. Throws `INVALID_KEY`. */
export function encodeKey(key: Key): string {
  if (typeof key === 'string' && key !== '') return checkSize(encodeText(key));
  if (Array.isArray(key) && key.length > 0) return checkSize(encodeList(key, 0));
  throw refusal('INVALID_KEY', 'a key must be a non-empty string or array of parts');
}

export function isTag(tag: unknown): tag is string {
  return typeof tag === 'string' && tag !== '' && tag.isWellFormed() && fits(tag);
}

/** Whether every backend takes a key of this size, with the prefixes that the cache writes before it. */
function fits(text: string): boolean {
  // A UTF-16 code unit takes at most three bytes of UTF-8.
  return 3 * text.length <= MAX_BYTES || utf8Bytes(text) <= MAX_BYTES;
}

/** A deep copy of a key or of a part of one. */
export function copyKey<T extends KeyPart>(part: T): T {
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map(copyKey) as unknown as T;
  const copied = { ...part } as Record<string, KeyPart>;
  // Several times as fast as by `Object.entries` and `Object.fromEntries`.
  for (const name of Object.keys(copied)) copied[name] = copyKey(copied[name]);
  return copied as T;
}

function checkSize(text: string): string {
  if (fits(text)) return text;
  throw refusal('INVALID_KEY', 'a key must be at most 8,000 bytes as text');
}

function encodeText(text: string): string {
  // JSON escapes lone surrogates, which no backend accepts.
  return PLAIN.test(text) ? text : JSON.stringify(text);
}

function encodeList(parts: readonly KeyPart[], depth: number): string {
  return Array.from(parts, (part) => encodePart(part, depth)).join(',');
}

function encodePart(part: KeyPart, depth: number): string {
  if (depth > MAX_DEPTH) throw refusal('INVALID_KEY', `a key's parts must be at most ${MAX_DEPTH} deep`);
  if (typeof part === 'string') return encodeText(part);
  if (typeof part === 'bigint') return `${part}n`;
  if (typeof part === 'number') return Object.is(part, -0) ? '-0' : String(part);
  if (part === null || part === undefined || typeof part === 'boolean') return String(part);
  if (Array.isArray(part)) return `[${encodeList(part, depth + 1)}]`;
  if (!isPlain(part)) throw refusal('INVALID_KEY', `a part of a key must be plain data, not a ${kindOf(part)}`);
  const names = Object.keys(part).sort();
  return `{${names.map((name) => `${encodeText(name)}=${encodePart(part[name], depth + 1)}`).join(',')}}`;
}

function isPlain(part: unknown): part is { readonly [name: string]: KeyPart } {
  if (typeof part !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(part);
  // Across realms: only an `Object.prototype` has no prototype of its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(part: unknown): string {
  if (typeof part !== 'object') return typeof part;
  const name: unknown = part?.constructor?.name;
  return typeof name === 'string' && /^[\w$]{1,64}$/.test(name) ? name : 'class instance';
}
