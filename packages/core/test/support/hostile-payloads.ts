export const repeat = <T>(times: number, item: T): T[] => new Array<T>(times).fill(item);
const annotateAll = (count: number, annotation: unknown): unknown =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [index, annotation]));

export const places = (of: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${of}.${index}`);

/** Wraps JSON and its annotations into so many levels. */
function nested(levels: number, inner: string, values: string, equalities: string): string {
  const path = `${'a.'.repeat(levels)}`;
  return `{"json":${'{"a":'.repeat(levels)}${inner}${'}'.repeat(levels)},"meta":{"values":{"${path}c":${values}},"referentialEqualities":${equalities.replaceAll('$', path)},"v":1}}`;
}

/** One part at so many paths that writing its expansion, to check that it is legal, would never end. */
const sharing: [string, string][] = [
  ...(['undefined', 'Date', 'URL', 'map'] as const).map((kind): [string, string] => {
    const item = { undefined: null, Date: '2020-01-01T00:00:00.000Z', URL: 'http://x/', map: [] }[kind];
    const json = { c: repeat(2000, item), d: repeat(450, 0) };
    return [
      `a list with ${kind} in many places`,
      JSON.stringify({
        json,
        meta: { values: { c: annotateAll(2000, [kind]) }, referentialEqualities: { c: places('d', 450) }, v: 1 },
      }),
    ];
  }),
  [
    'as many lists as the text is long',
    JSON.stringify({
      json: { c: repeat(1000, []), d: repeat(950, 0), pad: 'x'.repeat(980_000) },
      meta: { referentialEqualities: { c: places('d', 950) }, v: 1 },
    }),
  ],
  [
    'bytes in many places',
    JSON.stringify({
      json: { c: 'A'.repeat(520_000), d: repeat(600, 0) },
      meta: {
        values: { c: [['custom', 'ninefold:bytes']] },
        referentialEqualities: { c: places('d', 600) },
        v: 1,
      },
    }),
  ],
  [
    'long bigints in many places',
    JSON.stringify({
      json: { c: repeat(9, '9'.repeat(99_000)), d: repeat(2000, 0) },
      meta: { values: { c: annotateAll(9, ['bigint']) }, referentialEqualities: { c: places('d', 2000) }, v: 1 },
    }),
  ],
  [
    'annotations under many levels, and one part in two places',
    nested(
      900,
      JSON.stringify({ c: repeat(3000, null), s: [], t: [0] }),
      JSON.stringify(annotateAll(3000, ['undefined'])),
      '{"$s":["$t.0"]}',
    ),
  ],
  [
    'references to the root under many levels, in many places',
    (() => {
      const path = 'a.'.repeat(150);
      const inner = JSON.stringify({ c: repeat(800, null), d: repeat(250, 0) });
      const roots = places(`${path}c`, 800).map((place) => place);
      return JSON.stringify({
        json: JSON.parse(`${'{"a":'.repeat(150)}${inner}${'}'.repeat(150)}`),
        meta: { referentialEqualities: [roots, { [`${path}c`]: places(`${path}d`, 250) }], v: 1 },
      });
    })(),
  ],
];

/** Payloads near 1 MB, each built to cost a careless reader far more than it holds. */
export const killers: [string, string][] = [
  ['a length without elements', '{"json":{"length":500000000},"meta":{"values":[["typed-array","Uint8Array"]]}}'],
  ['brackets without end', `{"json":${'['.repeat(490_000)}${']'.repeat(490_000)}}`],
  ['braces without end', `{"json":${'{"a":'.repeat(160_000)}1${'}'.repeat(160_000)}}`],
  ['brackets that never close', `{"json":${'['.repeat(999_000)}`],
  ['annotations without end', `{"json":1,"meta":{"values":${'{"a":'.repeat(160_000)}1${'}'.repeat(160_000)}}}`],
  ['a bigint of a million digits', `{"json":"${'9'.repeat(999_000)}","meta":{"values":["bigint"]}}`],
  [
    'one object in many places',
    JSON.stringify({
      json: repeat(400, 0),
      meta: {
        referentialEqualities: annotateAll(
          300,
          Array.from({ length: 300 }, (_, index) => `${index}`),
        ),
        v: 1,
      },
    }),
  ],
  [
    'many rows of a Map',
    JSON.stringify({
      json: repeat(14_000, [1, '2020-01-01T00:00:00.000Z']),
      meta: {
        values: ['map', Object.fromEntries(repeat(14_000, 0).map((_, index) => [`${index}.1`, ['Date']]))],
        v: 1,
      },
    }),
  ],
  [
    'many errors',
    JSON.stringify({
      json: repeat(20_000, { name: 'E', message: 'm' }),
      meta: { values: annotateAll(20_000, ['Error']) },
    }),
  ],
  [
    'many expressions',
    JSON.stringify({ json: repeat(25_000, '/(a+)+$/'), meta: { values: annotateAll(25_000, ['regexp']) } }),
  ],
  [
    'many expressions of Unicode properties',
    JSON.stringify({ json: repeat(30_000, '/\\p{L}/u'), meta: { values: annotateAll(30_000, ['regexp']) } }),
  ],
  [
    'an expression of many Unicode properties',
    JSON.stringify({ json: `/${'\\P{L}'.repeat(140_000)}/iu`, meta: { values: ['regexp'] } }),
  ],
  [
    'expressions of sets of emoji',
    JSON.stringify({
      json: repeat(100, '/[\\p{RGI_Emoji}--\\p{RGI_Emoji}]/iv'),
      meta: { values: annotateAll(100, ['regexp']) },
    }),
  ],
  ['an expression of sets', JSON.stringify({ json: `/${'[^\\W]'.repeat(160_000)}/iv`, meta: { values: ['regexp'] } })],
  ['an expression of dots', JSON.stringify({ json: `/${'.'.repeat(990_000)}/`, meta: { values: ['regexp'] } })],
  [
    'many addresses',
    JSON.stringify({ json: repeat(25_000, 'http://x/'), meta: { values: annotateAll(25_000, ['URL']) } }),
  ],
  [
    'a tree of shared parts',
    JSON.stringify({
      json: repeat(60, [0, 0]),
      meta: {
        referentialEqualities: Object.fromEntries(repeat(59, 0).map((_, i) => [`${i}`, [`${i + 1}.0`, `${i + 1}.1`]])),
        v: 1,
      },
    }),
  ],
  ...sharing,
  [
    'an address that is no ASCII',
    JSON.stringify({
      json: `http://${Array.from({ length: 200_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7) % 20_000))).join('')}.com/`,
      meta: { values: ['URL'] },
    }),
  ],
  [
    'a host without end',
    JSON.stringify({
      // U+4E00 repeated, as Punycode. Node 24 refuses such an address, and would not make it either.
      json: `http://xn--4gq${'a'.repeat(299_999)}.com/`.padEnd(900_000, 'a'),
      meta: { values: ['URL'] },
    }),
  ],
  ['keys that escape', `{"json":{${Array.from({ length: 50_000 }, (_, i) => `"\\u0061${i}":1`).join(',')}}}`],
  ['an escaped key beside a long one that is no ASCII', `{"json":{"\\n":1,"${'\u4e00'.repeat(990_000)}":1}}`],
  ['an escaped key beside much else', `{"json":{"\\n":[${'"",'.repeat(300_000)}{"":0}]}}`],
  ['keys outside of all objects', `{"json":[{"\\n":1},${']"":'.repeat(247_000)}]}`],
  ['keys in a list', `{"json":[{"\\n":1},${'"":'.repeat(325_000)}]}`],
  ['many keys without an end', `{"json":{"\\n":1,${'"":1,'.repeat(198_000)}`],
  ['many equal keys beside one that escapes', `{"json":{"\\n":"\u4e00",${'"":1,'.repeat(197_000)}"a":1},"a":1}`],
  ['an escaped key beside empty objects', `{"json":[${'{},'.repeat(330_000)}{"\\n":0}]}`],
  ['an escaped key in many objects', `{"json":[${'{"\\n":1},'.repeat(109_000)}0]}`],
  [
    'an escaped key of its own in each of many objects',
    `{"json":[${Array.from({ length: 75_000 }, (_, i) => `{"\\n${i.toString(36)}":1}`)}]}`,
  ],
  ['backslashes', `{"json":"${'\\\\'.repeat(499_000)}","meta":{"values":{"${'\\\\'.repeat(10)}":["Date"]},"v":1}}`],
];
