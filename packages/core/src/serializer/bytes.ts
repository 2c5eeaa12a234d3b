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

/** The other kinds of typed arrays by name; `Uint8Array` is bytes and needs none. */
const VIEWS = {
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

/** Reads the name of a typed array from its internal slot, so that nothing can pose as one. */
const nameOfView = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as (this: unknown) => string | undefined;

/** Code units that `String.fromCharCode` takes at once without filling the stack. */
const CHUNK = 0x2000;

/** The name of the kind of a typed array of any realm; `undefined` for anything else, a `DataView` included. */
export function typedArrayName(value: unknown): string | undefined {
  const name = nameOfView.call(value);
  return name === 'Uint8Array' || (name !== undefined && Object.hasOwn(VIEWS, name)) ? name : undefined;
}

/** A typed array of this realm with the same elements, and only those that the view shows. */
export function copyTypedArray(view: TypedArray, name: string): TypedArray {
  const { buffer, byteOffset, byteLength } = view;
  return viewOf(name, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).slice());
}

/**
 * How bytes lie in superjson's text, for `SuperJSON#registerCustom(bytesTransformer, bytesTransformer.name)` of a program
 * that reads entries by itself. A `Uint8Array` is its base64 (RFC 4648, section 4), another typed array its name, a colon
 * and the base64 of its memory, least significant byte first.
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
    const bytes = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    let binary = '';
    for (let from = 0; from < bytes.length; from += CHUNK) {
      binary += String.fromCharCode(...bytes.subarray(from, from + CHUNK));
    }
    const name = typedArrayName(value);
    return name === 'Uint8Array' ? btoa(binary) : `${name}:${btoa(binary)}`;
  },

  deserialize(text: string): TypedArray {
    const colon = text.indexOf(':');
    const name = colon === -1 ? 'Uint8Array' : text.slice(0, colon);
    const base64 = text.slice(colon + 1);
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) throw new Error('no base64');
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
    return viewOf(name, bytes);
  },
};

function viewOf(name: string, bytes: Uint8Array<ArrayBuffer>): TypedArray {
  if (name === 'Uint8Array') return bytes;
  if (!Object.hasOwn(VIEWS, name)) throw new Error('no typed array');
  // Throws where the bytes are not a whole number of elements.
  return new VIEWS[name as keyof typeof VIEWS](bytes.buffer);
}
