import type { Rule, Trial } from '../rule.ts';
import { show } from '../transcript.ts';

/** 8,192 incompressible bytes, because an index may compress a key before it checks the length. */
const dense = (() => {
  let random = 1;
  return Array.from({ length: 8192 }, () => {
    random = (random * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (random % 94));
  }).join('');
})();

/** Keys, each with others that a careless backend takes for the same key. */
const hostile: readonly [id: string, what: string, key: string, others: readonly string[]][] = [
  ['space', 'a space inside a key', 'a b', ['a  b', 'a+b', 'a%20b', 'ab']],
  ['outer-space', 'a space around a key', ' a ', ['a', ' a', 'a ']],
  ['only-space', 'a key of one space', ' ', ['  ', '\u00a0']],
  ['control-characters', 'control characters', 'a\r\nset b 0 0 1\r\n\0\u001b', ['a', 'b', 'a\r\nset b 0 0 1\r\n']],
  ['nul', 'a NUL', 'a\0b', ['a', 'ab', 'a\0c']],
  ['case', 'the case of a key', 'Key', ['key', 'KEY']],
  ['emoji', 'emoji', '😀'.repeat(63), ['😀'.repeat(62), '😁'.repeat(63), '�'.repeat(63)]],
  ['beyond-latin-1', 'letters beyond Latin-1', 'Ł', ['A', '?', 'L', 'Ń', 'ł']],
  // Collisions of the string hashes with factors 31 and 33, and of CRC-32.
  ['same-hash', 'keys that collide in weak hashes', 'Aa', ['BB', 'B@', 'plumless', 'buckeroo']],
  ['normal-forms', 'the normal forms of Unicode', '\u00e9', ['e\u0301', 'e']],
  [
    'prototype-names',
    'names of Object.prototype',
    '__proto__',
    ['constructor', 'toString', 'hasOwnProperty', 'prototype'],
  ],
  ['numeric', 'keys that look like numbers', '1', ['01', '1.0', '1e0', '+1', '-1', '0']],
  ['patterns', 'patterns and slots', '*', ['?', '[a]', '{tag}', '{tag}x', '{}', 'h?llo', '\\*']],
  ['paths', 'paths and escapes', '../a', ['a', '/a', '..%2Fa', 'a/', './a', '#', '%00', '.', '..']],
  ['colons', 'colons', 'a:b', ['a', 'b', 'a::b', 'a:b:', ':a:b']],
  ['empty-like', 'words for missing values', 'undefined', ['null', 'NaN', '[object Object]', "''"]],
  ['quotes', 'quotes and backslashes', '"\'\\', ['"', "'", '\\', '\\\\']],
  ['300-characters', 'a key of 300 characters', 'k'.repeat(300), ['k'.repeat(299), 'k'.repeat(250), 'k'.repeat(301)]],
  ['same-start', 'long keys with the same start', `${'k'.repeat(2000)}a`, [`${'k'.repeat(2000)}b`, 'k'.repeat(2000)]],
  ['same-end', 'long keys with the same end', `a${'k'.repeat(2000)}`, [`b${'k'.repeat(2000)}`]],
  ['8192-bytes', 'a key of 8,192 bytes', 'k'.repeat(8192), [`${'k'.repeat(8191)}l`, 'k'.repeat(8191), dense]],
  ['8192-bytes-of-emoji', 'a key of 2,048 emoji', '😀'.repeat(2048), [`${'😀'.repeat(2047)}😁`]],
];

/** Uses a key in all operations, while the other keys are stored too. */
async function throughAll(
  { cache, capabilities, equal }: Trial,
  key: string,
  others: readonly string[],
): Promise<void> {
  const all = [key, ...others];
  await cache.multiSetValues(all.map((each, index) => [each, `value ${index}`] as const));
  equal(
    await cache.multiGetValues(all),
    all.map((_, index) => `value ${index}`),
  );
  await cache.setValue(key, 'changed');
  equal(await cache.getValue(key), 'changed');
  for (const [index, other] of others.entries()) equal(await cache.getValue(other), `value ${index + 1}`);
  equal(await cache.exists(key), true);
  equal(await cache.delete(key), 1);
  equal(await cache.exists(key), false);
  equal(
    await cache.multiGetValues(all),
    all.map((_, index) => (index === 0 ? undefined : `value ${index}`)),
  );
  if (capabilities.atomicIncr) equal(await cache.incr(key, 5), 5);
  else await cache.setValue(key, 5);
  equal(await cache.getValue(key), 5);
  equal(await cache.deleteMany([...all, key]), all.length);
}

const operations: readonly ((trial: Trial, key: never) => Promise<unknown>)[] = [
  ({ cache }, key) => cache.getValue(key),
  ({ cache }, key) => cache.setValue(key, 1),
  ({ cache }, key) => cache.multiGetValues(['good', key]),
  ({ cache }, key) =>
    cache.multiSetValues([
      ['good', 1],
      [key, 1],
    ]),
  ({ cache }, key) => cache.exists(key),
  ({ cache }, key) => cache.delete(key),
  ({ cache }, key) => cache.deleteMany(['good', key]),
  ({ cache }, key) => cache.incr(key),
];

const illegal: readonly [id: string, what: string, keys: readonly unknown[]][] = [
  ['empty', 'an empty key', ['']],
  [
    'not-a-string',
    'anything but a string',
    [undefined, null, 5, {}, [], ['k'], true, Symbol('k'), 5n, new String('k'), { toString: () => 'k' }],
  ],
  ['lone-surrogate', 'a lone surrogate', ['\ud800', 'a\udc00b', '😀'.slice(1)]],
  ['too-long', 'a key over 8,192 bytes', ['k'.repeat(8193), 'é'.repeat(4097), '😀'.repeat(2049), 'k'.repeat(200_000)]],
];

export const keys: readonly Rule[] = [
  ...hostile.map(
    ([id, what, key, others]): Rule => ({
      id: `keys/${id}`,
      text: `${what}: every operation keeps the key as it is, distinct from all others`,
      why: 'Keys are never trimmed, folded, normalised or cut.',
      run: (trial) => throughAll(trial, key, others),
    }),
  ),
  ...illegal.map(
    ([id, what, bad]): Rule => ({
      id: `keys/refuses-${id}`,
      text: `${what} rejects INVALID_KEY in every operation, and changes nothing`,
      run: async (trial) => {
        const { cache, equal, rejects } = trial;
        await cache.setValue('good', 'old');
        for (const call of operations) for (const key of bad) await rejects(call(trial, key as never), 'INVALID_KEY');
        equal(await cache.getValue('good'), 'old');
      },
    }),
  ),
  {
    id: 'keys/after-a-refusal',
    text: 'a refused key does not affect the operations around it',
    run: async ({ cache, equal, rejects }) => {
      await cache.setValue('good', 1);
      const [before, , after] = await Promise.allSettled([
        cache.getValue('good'),
        cache.getValue('\ud800'),
        cache.getValue('good'),
      ]);
      equal(
        [before, after],
        [
          { status: 'fulfilled', value: 1 },
          { status: 'fulfilled', value: 1 },
        ],
      );
      await rejects(cache.setValue('k'.repeat(8193), 1), 'INVALID_KEY');
      equal(await cache.getValue('good'), 1);
    },
  },
  {
    id: 'keys/inherited-names',
    text: 'names of Object.prototype are misses without a namespace, too',
    run: async ({ open, equal }) => {
      const whole = await open({ namespace: undefined });
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        // Another program on the server may have such entries.
        if (await whole.exists(name)) continue;
        equal([await whole.getValue(name), await whole.multiGetValues([name])], [undefined, [undefined]]);
      }
    },
  },
  {
    id: 'keys/namespaces-apart',
    text: 'two namespaces never meet',
    why: 'The suite gives each rule a namespace, which create must pass on to the factory with its other options.',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal, namespace }) => {
      await cache.setValue('k', 'mine');
      const longest = namespace.padEnd(63, '_.-');
      for (const apart of [`${namespace}-x`, namespace.toUpperCase(), `${longest}a`, `${longest}b`]) {
        const other = await open({ namespace: apart });
        equal(await other.exists('k'), false);
        await other.setValue('k', apart);
        equal([await cache.getValue('k'), await other.getValue('k')], ['mine', apart]);
        if (!apart.startsWith(longest)) await other.delete('k');
      }
      equal(await cache.getValue('k'), 'mine');
    },
  },
  {
    id: 'keys/namespace-boundary',
    text: 'a namespace and key never give the same stored key as another namespace and key',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal, namespace }) => {
      const inner = await open({ namespace: `${namespace}.a` });
      await cache.setValue('a:k', 'outer');
      await cache.multiSetValues([
        ['.a:k', 'dotted'],
        ['.ak', 'joined'],
      ]);
      equal(await inner.getValue('k'), undefined);
      await inner.setValue('k', 'inner');
      equal(await cache.multiGetValues(['a:k', '.a:k', '.ak']), ['outer', 'dotted', 'joined']);
    },
  },
  {
    id: 'keys/stored-key',
    text: 'the stored key is namespace, colon and key; without a namespace it is the key',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal, namespace }) => {
      const whole = await open({ namespace: undefined });
      // Others may have stored any other key on a shared server.
      const own = `k of ${namespace}`;
      await cache.multiSetValues([
        [own, 1],
        ['a:b', 2],
      ]);
      equal(await whole.multiGetValues([`${namespace}:${own}`, `${namespace}:a:b`, own]), [1, 2, undefined]);
    },
  },
  {
    id: 'keys/same-namespace-shared',
    text: 'two backends with the same server and namespace see the same entries',
    when: ({ shared }) => shared,
    run: async ({ cache, open, equal }) => {
      const second = await open();
      await cache.setValue('k', { a: 1 });
      equal(await second.getValue('k'), { a: 1 });
      await second.delete('k');
      equal(await cache.getValue('k'), undefined);
    },
  },
  {
    id: 'keys/not-shared',
    text: 'two backends that do not share entries see only their own',
    when: ({ shared }) => !shared,
    run: async ({ cache, open, equal }) => {
      const second = await open();
      await cache.setValue('k', 1);
      equal([await second.getValue('k'), await second.delete('k'), await cache.getValue('k')], [undefined, 0, 1]);
    },
  },
  {
    id: 'keys/namespace-refused',
    text: 'a namespace that is not 1 to 64 of A-Z a-z 0-9 _ . - throws INVALID_OPTIONS',
    run: async ({ open, holds }) => {
      for (const namespace of ['', 'a:b', 'a b', 'a\n', 'é', 'n'.repeat(65), null, 5] as never[]) {
        const code = await open({ namespace }).then(
          () => 'accepted',
          (error: unknown) => (error as { code?: unknown }).code,
        );
        holds(
          code === 'INVALID_OPTIONS',
          `the namespace ${show(namespace)} to be refused as INVALID_OPTIONS, got ${String(code)}`,
        );
      }
    },
  },
];
