import { check } from './legal-json.ts';

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** The constructors of typed arrays, by name. */
const VIEWS = {
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

/** Reads the name of a typed array from its internal slot, which cannot be forged. */
const nameOfView = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as (this: unknown) => string | undefined;

/** The number of arguments that `String.fromCharCode` takes without overflowing the stack. */
const CHUNK = 0x2000;

/** The constructor name of a typed array of any realm; `undefined` for anything else, including a `DataView`. */
export function typedArrayName(value: unknown): string | undefined {
  const name = nameOfView.call(value);
  return name !== undefined && Object.hasOwn(VIEWS, name) ? name : undefined;
}

/** Creates a typed array by name. Throws for an unknown name, and for bytes that are not a whole number of elements. */
export function typedArrayOf(name: string, content: ArrayBuffer | readonly number[]): TypedArray {
  check(Object.hasOwn(VIEWS, name));
  return new VIEWS[name as 'Uint8Array'](content as ArrayBuffer);
}

/**
 * The superjson transformer for bytes. A program that reads entries with superjson itself registers it by
 * `SuperJSON#registerCustom(bytesTransformer, bytesTransformer.name)`. A `Uint8Array` is written as its base64 (RFC
 * 4648, section 4); any other typed array as its name, a colon and the base64 of its memory, little-endian.
 */
export const bytesTransformer: {
  readonly name: 'ninefold:bytes';
  isApplicable(value: unknown): value is TypedArray;
  serialize(value: TypedArray): string;
  deserialize(text: string): TypedArray;
} = {
  name: 'ninefold:bytes',

  isApplicable(value: unknown): value is TypedArray {
    return typedArrayName(value) !== undefined;
  },

  serialize(value: TypedArray): string {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    let binary = '';
    for (let from = 0; from < bytes.length; from += CHUNK) {
      // Spreading a typed array takes ten times as long.
      binary += String.fromCharCode.apply(undefined, bytes.subarray(from, from + CHUNK) as unknown as number[]);
    }
    const name = typedArrayName(value);
    return name === 'Uint8Array' ? btoa(binary) : `${name}:${btoa(binary)}`;
  },

  deserialize(text: string): TypedArray {
    const colon = text.indexOf(':');
    const name = colon === -1 ? 'Uint8Array' : text.slice(0, colon);
    const base64 = text.slice(colon + 1);
    check(base64.length % 4 === 0);
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
    return typedArrayOf(name, bytes.buffer);
  },
};
