import { isLegalJson, isSuspect } from './serializer/legal-json.ts';
import { isPlain } from './serializer/plain.ts';
import { readAnnotated } from './serializer/reader.ts';
import { ValueError } from './serializer/value-error.ts';
import { toEnvelope } from './serializer/writer.ts';

export { bytesTransformer } from './serializer/bytes.ts';
export { ValueError } from './serializer/value-error.ts';

/** Turns values into text and back. What it throws while reading means that the text is unreadable. */
export interface Serializer {
  serialize(value: unknown): string;
  deserialize(text: string): unknown;
}

/**
 * Writes superjson's text, `{"json":…,"meta":…}`, and reads it back as a value that is equal to the one written. What
 * could not come back equal is refused with a `ValueError`. Reading is safe for text from anyone: its work is bounded by
 * the length of the text, and its result is a value that `serialize` takes.
 */
export const superjsonSerializer: Serializer = {
  serialize(value: unknown): string {
    try {
      return isPlainForSure(value) ? `{"json":${JSON.stringify(value)}}` : JSON.stringify(toEnvelope(value));
    } catch (error) {
      // Deeper than the rest of the stack, or longer than a string can be.
      if (error instanceof RangeError) throw new ValueError('$: too deep or too large to be written');
      throw error;
    }
  },

  deserialize(text: string): unknown {
    const suspect = isSuspect(text);
    const plain = parsePlain(text);
    if (plain !== undefined) return suspect ? legal(plain) : plain;
    const envelope = JSON.parse(text) as { readonly json: unknown; readonly meta?: unknown };
    // What begins with a brace and can be parsed is an object.
    if (text[0] !== '{' || !Object.hasOwn(envelope, 'json')) throw new Error('no envelope');
    const { json, meta } = envelope;
    if (suspect) legal(json);
    return meta === undefined ? json : readAnnotated(json, meta, text.length);
  },
};

function legal(json: unknown): unknown {
  if (!isLegalJson(json)) throw new Error('a value that is never written');
  return json;
}

const PLAIN_START = '{"json":';
const ONE = 0x31;
const CLOSING_BRACE = 0x7d;

/**
 * What stands between `{"json":` and `}`, or `undefined` if that is no JSON by itself. Where it is, there is nothing else
 * in the envelope, and no object need be made of it.
 */
function parsePlain(text: string): unknown {
  const last = text.length - 1;
  // `startsWith` takes twice the time.
  if (text.slice(0, PLAIN_START.length) !== PLAIN_START || text.charCodeAt(last) !== CLOSING_BRACE) return undefined;
  // With annotations superjson ends in `"v":1}}`. A plain value may end alike, and is then read the longer way.
  if (text.charCodeAt(last - 1) === CLOSING_BRACE && text.charCodeAt(last - 2) === ONE) return undefined;
  try {
    return JSON.parse(text.slice(PLAIN_START.length, -1));
  } catch {
    return undefined;
  }
}

function isPlainForSure(value: unknown): boolean {
  try {
    return isPlain(value);
  } catch {
    // A getter or a proxy of the value threw; the closer look says where.
    return false;
  }
}
