import { assertLegalJson, check, isSuspect } from './serializer/legal-json.ts';
import { parseJson } from './serializer/parse-json.ts';
import { isPlain } from './serializer/plain.ts';
import { readAnnotated } from './serializer/reader.ts';
import { ValueError } from './serializer/value-error.ts';
import { toEnvelope } from './serializer/writer.ts';

export { bytesTransformer } from './serializer/bytes.ts';
export { ValueError } from './serializer/value-error.ts';

/** Turns values into text and back. An error thrown by `deserialize` means that the text is unreadable. */
export interface Serializer {
  serialize(value: unknown): string;
  deserialize(text: string): unknown;
}

/**
 * Writes superjson's format, `{"json":…,"meta":…}`, and reads it back as a value equal to the one written. Refuses a value that
 * could not come back equal, by an error whose message gives the path and the type of the part. Reading is safe for
 * untrusted text: its work is bounded by the length of the text, and its result is a value that `serialize` accepts.
 */
export const superjsonSerializer: Serializer = {
  serialize(value: unknown): string {
    try {
      return isPlain(value) ? `{"json":${JSON.stringify(value)}}` : toEnvelope(value);
    } catch (error) {
      // The value exceeds the remaining stack, or its text the longest possible string.
      if (error instanceof RangeError) throw new ValueError('$: too deep or too large to be written');
      throw error;
    }
  },

  deserialize(text: string): unknown {
    const suspect = isSuspect(text);
    const plain = parsePlain(text);
    if (plain !== undefined) {
      if (suspect) assertLegalJson(plain);
      return plain;
    }
    const envelope = parseJson(text) as { readonly json: unknown; readonly meta?: unknown };
    // Text that begins with a brace and can be parsed is an object.
    check(text[0] === '{' && Object.hasOwn(envelope, 'json'));
    const { json, meta } = envelope;
    if (suspect) assertLegalJson(json);
    return meta === undefined ? json : readAnnotated(json, meta, text.length);
  },
};

const PLAIN_START = '{"json":';
/** The length in characters from which on the object of an envelope is too cheap to be worth parsing some texts twice. */
const SHORT = 1000;

/**
 * Parses the text between `{"json":` and the last `}`; `undefined` if that text alone is not JSON. If it is, the envelope has
 * no other member, and no object need be created for it, which takes up to a third of the time of a short text.
 */
function parsePlain(text: string): unknown {
  // `startsWith` takes twice as long.
  if (text.length > SHORT || text.slice(0, PLAIN_START.length) !== PLAIN_START) return undefined;
  // Annotated text ends in `"v":1}}`. A plain value may end the same way, and then takes the slower path.
  if (!text.endsWith('}') || text.endsWith('1}}')) return undefined;
  try {
    return parseJson(text.slice(PLAIN_START.length, -1));
  } catch {
    return undefined;
  }
}
