/** One value of each kept kind, with the value that comes back if it differs. */
export interface Sample {
  readonly name: string;
  readonly value: unknown;
  /** The value that comes back, if of another type: bytes come back as `Uint8Array`, errors as `Error`. */
  readonly back?: unknown;
}

function nested(depth: number, leaf: unknown): unknown {
  let value = leaf;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { next: value };
  return value;
}

function cyclic(): unknown {
  const root: Record<string, unknown> = { at: new Date(0), list: [1] };
  root.self = root;
  (root.list as unknown[]).push(root, { root });
  root.map = new Map<unknown, unknown>([['root', root]]);
  root.set = new Set<unknown>(['before', root, 'after']);
  return root;
}

const shared = { n: 1n };

export const samples: readonly Sample[] = [
  { name: 'null', value: null },
  { name: 'true', value: true },
  { name: 'false', value: false },
  { name: 'an empty string', value: '' },
  { name: 'texts that look like other kinds', value: ['5', 'null', 'true', '{"a":1}', 'undefined', '-0'] },
  { name: 'a hostile string', value: 'quotes " \\ NUL \0 \u2028 😀 \ud800 </script>' },
  { name: 'a text of a megabyte', value: '€'.repeat(350_000) },
  { name: 'fractions and borders', value: [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 ** 53, -1.5] },
  { name: '-0', value: -0 },
  { name: 'NaN', value: Number.NaN },
  { name: 'Infinity', value: Number.POSITIVE_INFINITY },
  { name: '-Infinity', value: Number.NEGATIVE_INFINITY },
  { name: 'several NaN', value: [Number.NaN, { n: Number.NaN }, Number.NaN, -0, Number.NEGATIVE_INFINITY] },
  { name: 'a bigint', value: -(2n ** 200n) },
  { name: 'several equal bigints', value: [1n, { n: 1n }, 1n] },
  { name: 'a Date', value: new Date(1_700_000_000_123) },
  { name: 'a Date before the common era', value: new Date(-1e14) },
  { name: 'a RegExp', value: /a\/[/]b(?:)/giu },
  { name: 'an empty RegExp', value: /(?:)/ },
  { name: 'a URL', value: new URL('https://user@example.com:8080/a%20b?q=1#h') },
  {
    name: 'a Map',
    value: new Map<unknown, unknown>([
      ['a', new Date(1)],
      [{ k: 1 }, new Map([[1, 2]])],
      [Number.NaN, -1],
    ]),
  },
  { name: 'a Set', value: new Set<unknown>([1, 'a', new Set([2n]), { d: new Date(2) }]) },
  { name: 'an empty Map and an empty Set', value: [new Map(), new Set()] },
  { name: 'nested undefined', value: { u: undefined, list: [undefined, 1, undefined] } },
  { name: 'an empty object and an empty array', value: { o: {}, a: [] } },
  { name: 'bytes', value: new Uint8Array([0, 1, 127, 128, 255]) },
  { name: 'the part of a buffer that a view shows', value: new Uint8Array([9, 1, 2, 9]).subarray(1, 3) },
  { name: 'a Buffer', value: Buffer.from('bytes'), back: new Uint8Array(Buffer.from('bytes')) },
  { name: 'an ArrayBuffer', value: new Uint8Array([1, 2]).buffer, back: new Uint8Array([1, 2]) },
  { name: 'a Float64Array', value: new Float64Array([Number.NaN, -0, Number.NEGATIVE_INFINITY, 1.5]) },
  { name: 'a Float32Array', value: new Float32Array([0.5, Number.NaN]) },
  { name: 'a BigInt64Array', value: new BigInt64Array([-1n, 2n ** 62n]) },
  { name: 'a BigUint64Array', value: new BigUint64Array([2n ** 64n - 1n]) },
  { name: 'small typed arrays', value: [new Int8Array([-1]), new Uint8ClampedArray([255]), new Int16Array([-2, 3])] },
  {
    name: 'large typed arrays',
    value: [new Uint16Array([65535]), new Int32Array([-5]), new Uint32Array([2 ** 32 - 1])],
  },
  { name: 'an Error', value: new Error('no', { cause: { at: new Date(0) } }) },
  { name: 'an Error of an Error', value: new Error('outer', { cause: new Error('inner') }) },
  { name: 'an Error whose cause is undefined', value: new Error('no', { cause: undefined }) },
  {
    name: 'keys with dots and backslashes',
    value: { 'a.b': new Date(1), 'c\\.d': new Date(2), '\\': 1n, '.': 2n, '': 3n },
  },
  { name: 'keys named constructor and prototype', value: { constructor: { prototype: 1 }, prototype: 2 } },
  {
    name: 'dates below such keys',
    value: { constructor: { prototype: new Date(1) }, text: '\ue000 constructor\ue000' },
  },
  {
    name: 'an expression and an error beside such keys',
    value: { constructor: new Date(1), regexp: /a\ue000b/, error: new Error('\ue000\ue000') },
  },
  { name: 'what looks like the envelope', value: { json: 1, meta: { values: ['Date'], v: 1 } } },
  { name: 'what looks like an annotated envelope', value: { json: new Date(1), meta: { values: ['Date'] } } },
  { name: 'keys that look like indexes', value: { 1: 'a', 0: 'b', '-1': 'c', '01': new Date(3) } },
  { name: 'a shared part', value: [shared, { shared }, new Map([['shared', shared]])] },
  { name: 'a cycle', value: cyclic() },
  { name: 'a depth of 1,000', value: nested(1000, 'leaf') },
  { name: 'a depth of 1,000 with a Date below', value: nested(999, [new Date(7)]) },
];
