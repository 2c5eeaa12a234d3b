import superjson from 'superjson';
import { type Serializer, superjsonSerializer } from '../../serializer.ts';
import { allTextOf } from '../failure.ts';
import type { Rule } from '../rule.ts';

/** Writes JSON behind a mark in a private field, so that its methods work only if called on the instance. */
class Marked implements Serializer {
  readonly #mark = '!';

  serialize(value: unknown): string {
    return `${this.#mark}${JSON.stringify(value)}`;
  }

  deserialize(text: string): unknown {
    return JSON.parse(text.slice(this.#mark.length)) as unknown;
  }
}

const marked = new Marked();

const texts: readonly [id: string, what: string, text: unknown][] = [
  ['integer', 'text that looks like an integer', '12345678901234567890'],
  ['small-integer', 'the text of a counter', '-7'],
  ['empty', 'empty text', ''],
  ['surrogates', 'text with lone surrogates', 'a\ud800'],
  ['not-a-text', 'a number', 5],
  ['undefined', 'undefined', undefined],
];

/** Texts that a server or a client may take for something else, or change. */
const verbatim: readonly string[] = [
  ' a ',
  '\0a\0',
  '\r\na\r\n',
  '\ufeffa',
  'e\u0301',
  '\u00e9',
  '\u2028😀',
  '"',
  "'5",
  '\\',
  '[1, 2]',
  'null',
  '1e3',
  '+7',
  '007',
  '-0',
  '0x1f',
];

export const serializers: readonly Rule[] = [
  {
    id: 'serializers/replaces',
    text: 'a custom serializer writes and reads every value except safe integers',
    run: async ({ open, equal }) => {
      const cache = await open({ serializer: marked });
      await cache.setValue('k', { a: [1] });
      await cache.multiSetValues([
        ['s', 'text'],
        ['n', null],
      ]);
      equal(await cache.multiGetValues(['k', 's', 'n']), [{ a: [1] }, 'text', null]);
    },
  },
  {
    id: 'serializers/not-for-integers',
    text: 'a safe integer never reaches a custom serializer, so that incr works on it',
    when: ({ atomicIncr }) => atomicIncr,
    run: async ({ open, equal, rejects }) => {
      const seen: unknown[] = [];
      const serializer: Serializer = {
        serialize: (value) => {
          seen.push(value);
          return marked.serialize(value);
        },
        deserialize: (text) => marked.deserialize(text),
      };
      const cache = await open({ serializer });
      await cache.multiSetValues([
        ['i', 41],
        ['z', 0],
        ['t', '41'],
        ['f', 1.5],
      ]);
      equal(seen, ['41', 1.5]);
      equal(await cache.incr('i'), 42);
      equal(await cache.multiGetValues(['i', 'z', 't', 'f']), [42, 0, '41', 1.5]);
      await rejects(cache.incr('t'), 'NOT_A_COUNTER');
    },
  },
  {
    id: 'serializers/any-text',
    text: 'any text that a serializer may return comes back as it is',
    why: 'The default serializer writes JSON, which escapes control characters and begins with a brace.',
    run: async ({ open, equal }) => {
      const cache = await open({ serializer: { serialize: String, deserialize: (text) => text } });
      for (const text of verbatim) {
        await cache.setValue('k', text);
        equal(await cache.getValue('k'), text);
      }
      const pairs = verbatim.map((text, index) => [`k${index}`, text] as const);
      await cache.multiSetValues(pairs);
      equal(await cache.multiGetValues(pairs.map(([key]) => key)), verbatim);
    },
  },
  ...texts.map(
    ([id, what, text]): Rule => ({
      id: `serializers/refuses-${id}`,
      text: `a serializer that returns ${what} rejects INVALID_VALUE, and nothing is written`,
      run: async ({ open, equal, rejects }) => {
        const cache = await open({ serializer: { serialize: () => text as string, deserialize: (given) => given } });
        equal((await rejects(cache.setValue('k', 'v'), 'INVALID_VALUE')).key, 'k');
        await rejects(
          cache.multiSetValues([
            ['l', 1],
            ['k', 'v'],
          ]),
          'INVALID_VALUE',
        );
        equal([await cache.exists('k'), await cache.exists('l')], [false, false]);
      },
    }),
  ),
  {
    id: 'serializers/throws',
    text: 'a serializer that throws rejects a write INVALID_VALUE and a read CORRUPT, without its message',
    run: async ({ open, holds, rejects }) => {
      let broken = false;
      const fail = (): never => {
        throw new TypeError('s3cret');
      };
      const serializer: Serializer = {
        serialize: (value) => (broken ? fail() : marked.serialize(value)),
        deserialize: (text) => (broken ? fail() : marked.deserialize(text)),
      };
      const cache = await open({ serializer });
      await cache.setValue('k', 'v');
      broken = true;
      const failures = [
        await rejects(cache.setValue('k', 'w'), 'INVALID_VALUE'),
        await rejects(cache.getValue('k'), 'CORRUPT'),
      ];
      for (const failure of failures) {
        holds(!allTextOf(failure).includes('s3cret'), 'no message of the serializer');
      }
    },
  },
  {
    id: 'serializers/reads-undefined',
    text: 'a serializer that reads undefined rejects CORRUPT',
    run: async ({ open, rejects }) => {
      const cache = await open({ serializer: { serialize: String, deserialize: () => undefined } });
      await cache.setValue('k', 'v');
      await rejects(cache.getValue('k'), 'CORRUPT');
    },
  },
  {
    id: 'serializers/wire-format',
    text: 'superjson itself can read the text of the default serializer',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal }) => {
      const raw = await open({ serializer: { serialize: superjsonSerializer.serialize, deserialize: (text) => text } });
      for (const value of [{ a: [1, new Date(1), undefined] }, 'text', null, 1.5, 5n, new Map([['k', new Set([1])]])]) {
        await cache.setValue('k', value);
        equal(superjson.parse(String(await raw.getValue('k'))), value);
      }
    },
  },
  {
    id: 'serializers/undefined-refused',
    text: 'undefined at top level is refused with any serializer',
    run: async ({ open, rejects }) => {
      const cache = await open({ serializer: { serialize: () => 'text', deserialize: (text) => text } });
      await rejects(cache.setValue('k', undefined), 'INVALID_VALUE');
    },
  },
];
