import { type Serializer, superjsonSerializer } from '../../serializer.ts';
import { allTextOf } from '../failure.ts';
import type { Rule } from '../rule.ts';

/** Text to be stored as it is. */
class Planted {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Writes what another program would, and reads like the default serializer. */
const planting: Serializer = {
  serialize: (value) => (value instanceof Planted ? value.text : superjsonSerializer.serialize(value)),
  deserialize: (text) => {
    if (!text.startsWith('{')) throw new Error('no envelope');
    return superjsonSerializer.deserialize(text);
  },
};

/** Long enough not to appear in the stack of an error by chance. */
const unreadable: readonly [id: string, what: string, text: string][] = [
  ['garbage', 'text in another format', 'garbage'],
  ['html', 'a page of HTML', '<html><body>502</body></html>'],
  ['truncated', 'truncated text', '{"json":{"a":1'],
  ['bare-json', 'the JSON of another library', '{"a":1}'],
  ['json-literal', 'a bare null', 'null'],
  ['json-array', 'a bare array', '[555,1212]'],
  ['spaces', 'an integer with spaces', '5551212 '],
  ['leading-zero', 'an integer with a leading zero', '05551212'],
  ['fraction', 'a bare fraction', '555.1212'],
  ['meta-alone', 'text with annotations but no value', '{"meta":{"values":["undefined"]}}'],
  ['undefined', 'an annotated undefined', '{"json":null,"meta":{"values":["undefined"],"v":1}}'],
  ['invalid-date', 'an invalid date', '{"json":"never","meta":{"values":["Date"],"v":1}}'],
  ['unknown-class', 'an instance of a class', '{"json":{},"meta":{"values":[["class","Money"]],"v":1}}'],
  ['polluting', 'an own __proto__', '{"json":{"__proto__":{"polluted":true}}}'],
  ['escaped-proto', 'an own __proto__ in escapes', '{"json":{"\\u005f_proto__":{"polluted":true}}}'],
  [
    'length-without-elements',
    'an array of 500,000,000 elements that the text does not hold',
    '{"json":{"length":500000000},"meta":{"values":[["typed-array","Uint8Array"]]}}',
  ],
  [
    'path-nowhere',
    'an annotation of a path that does not exist',
    '{"json":{"a":1},"meta":{"values":{"b.c":["Date"]},"v":1}}',
  ],
];

/** Puts each of 200 nodes at 200 paths. */
const shared = JSON.stringify({
  json: new Array(300).fill(0),
  meta: {
    referentialEqualities: Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [i, Array.from({ length: 200 }, (_, j) => `${j}`)]),
    ),
    v: 1,
  },
});

export const corruption: readonly Rule[] = [
  ...unreadable.map(
    ([id, what, text]): Rule => ({
      id: `corruption/${id}`,
      text: `${what} rejects CORRUPT, singly and in a batch`,
      run: async ({ open, equal, holds, rejects }) => {
        const cache = await open({ serializer: planting });
        await cache.multiSetValues([
          ['bad', new Planted(text)],
          ['good', { a: 1 }],
        ]);
        const single = await rejects(cache.getValue('bad'), 'CORRUPT');
        equal((await rejects(cache.multiGetValues(['good', 'bad', 'none']), 'CORRUPT')).key, 'bad');
        holds(!allTextOf(single).includes(text), 'no payload in the error');
        equal(await cache.multiGetValues(['good', 'none']), [{ a: 1 }, undefined]);
        equal('polluted' in {}, false);
      },
    }),
  ),
  {
    id: 'corruption/first-failure',
    text: 'a batch with several unreadable entries names the first in the order of the keys',
    run: async ({ open, equal, rejects }) => {
      const cache = await open({ serializer: planting });
      await cache.multiSetValues(['a', 'b', 'c'].map((key) => [key, new Planted('garbage')] as const));
      for (const keys of [['a', 'b', 'c'], ['c', 'a', 'b'], ['none', 'b', 'a'], ['c']])
        equal(
          (await rejects(cache.multiGetValues(keys), 'CORRUPT')).key,
          keys.find((key) => key !== 'none'),
        );
    },
  },
  {
    id: 'corruption/default-serializer',
    text: 'text that is neither an integer nor an envelope rejects CORRUPT',
    when: ({ shared }) => shared,
    run: async ({ cache, open, rejects }) => {
      const planter = await open({ serializer: planting });
      for (const [, , text] of unreadable) {
        await planter.setValue('k', new Planted(text));
        await rejects(cache.getValue('k'), 'CORRUPT');
      }
    },
  },
  {
    id: 'corruption/as-miss',
    text: "onUnreadable: 'miss' makes corrupt and mistyped entries misses",
    run: async ({ open, equal }) => {
      const cache = await open({ serializer: planting, onUnreadable: 'miss' });
      await cache.multiSetValues([
        ['bad', new Planted('garbage')],
        ['good', 1],
      ]);
      equal(await cache.getValue('bad'), undefined);
      equal(await cache.multiGetValues(['bad', 'good']), [undefined, 1]);
      const type = (value: unknown) => {
        if (value === 1) throw new Error('no');
        return value;
      };
      equal(await cache.getValue('good', { type }), undefined);
      equal(await cache.multiGetValues(['good', 'bad'], { type }), [undefined, undefined]);
      equal(await cache.getValue('good'), 1);
    },
  },
  {
    id: 'corruption/entry-is-there',
    text: 'an unreadable entry exists, and can be overwritten and deleted',
    run: async ({ open, equal }) => {
      const cache = await open({ serializer: planting });
      await cache.setValue('k', new Planted('garbage'));
      equal(await cache.exists('k'), true);
      await cache.setValue('k', 'fine');
      equal(await cache.getValue('k'), 'fine');
      await cache.setValue('k', new Planted('{'));
      equal(await cache.delete('k'), 1);
      equal(await cache.getValue('k'), undefined);
    },
  },
  {
    id: 'corruption/not-a-counter',
    text: 'incr on an unreadable entry rejects NOT_A_COUNTER and leaves the entry as it was',
    when: ({ atomicIncr }) => atomicIncr,
    run: async ({ open, equal, rejects }) => {
      const cache = await open({ serializer: planting });
      for (const text of ['garbage', '05', '5x', '{']) {
        await cache.setValue('k', new Planted(text));
        await rejects(cache.incr('k'), 'NOT_A_COUNTER');
        await rejects(cache.getValue('k'), 'CORRUPT');
      }
      equal(await cache.delete('k'), 1);
    },
  },
  {
    id: 'corruption/bounded',
    text: 'text that puts one object at many paths is read or refused within a second',
    run: async ({ open, holds }) => {
      const cache = await open({ serializer: planting, timeoutMs: 20_000 });
      await cache.setValue('k', new Planted(shared));
      let best = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < 3; attempt++) {
        const start = performance.now();
        await cache.getValue('k').catch(() => undefined);
        best = Math.min(best, performance.now() - start);
      }
      holds(best < 1000, 'the call to settle within a second, including the round trip');
    },
  },
];
