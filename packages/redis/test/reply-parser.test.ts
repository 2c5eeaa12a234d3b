import { keptOf } from '@ninefold/tooling/testing/kept';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Refusal } from '../src/failures.ts';
import { type Reply, ReplyParser } from '../src/reply-parser.ts';

const text = (value: string): string => `$${Buffer.byteLength(value)}\r\n${value}\r\n`;

/** Gives the bytes to a parser in chunks that end at the given places. */
function feed(bytes: Buffer, ends: readonly number[], onReply: (reply: Reply) => void): void {
  const parser = new ReplyParser();
  let from = 0;
  for (const to of [...ends, bytes.length]) {
    parser.read(bytes.subarray(from, to), onReply);
    from = to;
  }
}

/** The replies in the bytes. */
function read(bytes: Buffer, ends: readonly number[] = []): Reply[] {
  const replies: Reply[] = [];
  feed(bytes, ends, (reply) => replies.push(reply));
  return replies;
}

/** The bytes of a reply and what they mean. */
type Case = readonly [bytes: string, reply: Reply];

const cases: readonly Case[] = [
  ['+OK\r\n', 'OK'],
  ['+\r\n', ''],
  [':-9007199254740991\r\n', -9007199254740991],
  ['$0\r\n\r\n', ''],
  [text('a line\r\n and another'), 'a line\r\n and another'],
  [text('Grüße, 世界 🌍'), 'Grüße, 世界 🌍'],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['_\r\n', null],
  ['*0\r\n', []],
  ['%0\r\n', []],
  ['*3\r\n$1\r\na\r\n$-1\r\n:7\r\n', ['a', null, 7]],
  ['*2\r\n*2\r\n*0\r\n+a\r\n*1\r\n*1\r\n_\r\n', [[[], 'a'], [[null]]]],
  ['%2\r\n+server\r\n$5\r\nredis\r\n+proto\r\n:3\r\n', ['server', 'redis', 'proto', 3]],
  ['-WRONGTYPE Operation\r\n', new Refusal('WRONGTYPE Operation')],
  ['*2\r\n-ERR no\r\n+a\r\n', [new Refusal('ERR no'), 'a']],
  [`-NOPERM ${'No permission. '.repeat(9)}\r\n`, new Refusal('NOPERM')],
];
const allBytes = Buffer.from(cases.map(([bytes]) => bytes).join(''));
const allReplies = cases.map(([, reply]) => reply);

describe('replies', () => {
  it.each(cases)('%j', (bytes, reply) => {
    expect(read(Buffer.from(bytes))).toEqual([reply]);
  });

  it('that arrive together are read in order', () => {
    expect(read(allBytes)).toEqual(allReplies);
  });

  it('may arrive in two chunks, cut anywhere, or byte by byte', () => {
    const everywhere = Array.from({ length: allBytes.length - 1 }, (_, index) => index + 1);
    for (const at of everywhere) expect(read(allBytes, [at])).toEqual(allReplies);
    expect(read(allBytes, everywhere)).toEqual(allReplies);
  });

  it('are the same however they are nested and cut', () => {
    const { reply } = fc.letrec<{ reply: Case; list: Case }>((tie) => ({
      reply: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom<Case>(['+OK\r\n', 'OK'], ['$-1\r\n', null], ['_\r\n', null]),
        fc.maxSafeInteger().map<Case>((number) => [`:${number}\r\n`, number]),
        fc.string({ unit: 'grapheme' }).map<Case>((value) => [text(value), value]),
        tie('list'),
      ),
      list: fc
        .array(tie('reply'), { maxLength: 5 })
        .map<Case>((items) => [
          `*${items.length}\r\n${items.map(([bytes]) => bytes).join('')}`,
          items.map(([, item]) => item),
        ]),
    }));
    fc.assert(
      fc.property(fc.array(reply, { minLength: 1 }), fc.array(fc.nat()), (replies, cuts) => {
        const bytes = Buffer.from(replies.map(([bytes]) => bytes).join(''));
        const ends = cuts.map((cut) => cut % bytes.length).sort((one, other) => one - other);
        expect(read(bytes, ends)).toEqual(replies.map(([, reply]) => reply));
      }),
      { numRuns: 1000 },
    );
  });

  it('that are large are copied once, however many chunks they take', () => {
    const value = 'x'.repeat(1_000_000);
    const bytes = Buffer.from(text(value));
    const ends = Array.from({ length: 99 }, (_, index) => (index + 1) * 10_000);
    const concat = vi.spyOn(Buffer, 'concat');
    expect(read(bytes, ends)).toEqual([value]);
    expect(concat).toHaveBeenCalledTimes(1);
    concat.mockRestore();
  });

  it('that are small are read behind a large one, cut anywhere', () => {
    const value = 'x'.repeat(100_000);
    const small = `:42\r\n${text('after')}`;
    const bytes = Buffer.from(text(value) + small);
    for (let left = 1; left <= small.length; left++)
      expect(read(bytes, [1000, bytes.length - left])).toEqual([value, 42, 'after']);
  });

  it('that are large are not kept in memory until the next one', async () => {
    const parser = new ReplyParser();
    const chunks: WeakRef<object>[] = [];
    const receive = (reply: string): void => {
      const chunk = Buffer.from(reply);
      chunks.push(new WeakRef(chunk));
      parser.read(chunk, () => undefined);
    };
    receive(text('x'.repeat(100_000)));
    await expect.poll(() => keptOf(chunks)).toBe(0);
    receive('+OK\r\n');
  });
});

describe('bytes that are no reply are refused, wherever they are cut, before any of them is taken for one:', () => {
  it.each([
    ['a text', 'HTTP/1.1 400 Bad Request\r\n'],
    ['a TLS alert', '\x15\x03\x03\x00\x02\x02\x28'],
    ['a push, which nobody subscribed to', '>1\r\n+message\r\n'],
    ['a length that is no number', '$1x\r\na\r\n'],
    ['a number of items that is no number', '*x\r\n'],
    ['a length without digits', '$-\r\n'],
    ['an integer without digits', ':\r\n'],
    ['an integer that is none', ':7x\r\n'],
    ['a null with a value', '_7\r\n'],
    ['a text that is longer than its length', '$1\r\nab\r\n'],
    ['an item that is none', '*2\r\n+a\r\nb\r\n'],
    ['a line with half an end inside', '+O\rK\r\n'],
    ['a line without an end', `+${'x'.repeat(70_000)}`],
    ['a length without an end', `$${'0'.repeat(70_000)}`],
    ['a length below that of a missing value', '$-2\r\n'],
  ])('%s', (_, garbage) => {
    const bytes = Buffer.from(garbage, 'latin1');
    const replied = (): never => {
      throw new Error('it was taken for a reply');
    };
    for (const ends of [[], [1], [2], [3]]) expect(() => feed(bytes, ends, replied)).toThrow(/^Protocol error/);
  });
});
