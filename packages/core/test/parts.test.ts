import { DriverError, inParts, sendParts } from '@ninefold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a batch in parts', () => {
  const limits = fc.record({ maxItems: fc.integer({ min: 1, max: 5 }), maxBytes: fc.integer({ min: 1, max: 20 }) });

  it('is split into parts within the limits, with an item that is too large in a part of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(25)), limits, (items, { maxItems, maxBytes }) => {
        const parts = inParts(items, { maxItems, maxBytes, bytesOf: (item) => item });
        expect(parts.flat()).toEqual(items);
        for (const [index, part] of parts.entries()) {
          const bytes = part.reduce((sum, item) => sum + item, 0);
          expect(part.length === 1 || (part.length <= maxItems && bytes <= maxBytes)).toBe(true);
          // The first item of the next part would have exceeded the limits.
          const next = parts[index + 1]?.[0];
          if (next !== undefined) expect(part.length === maxItems || bytes + next > maxBytes).toBe(true);
        }
      }),
    );
  });

  it('is one part if it fits, and no part if it is empty', () => {
    const items = ['a', 'b'];
    expect(inParts(items, { maxItems: 2 })[0]).toBe(items);
    expect(inParts([], { maxItems: 2 })).toEqual([]);
    expect(inParts(items, { maxItems: 2, maxBytes: 1 })).toEqual([items]);
  });
});

describe('a batch sent in parts', () => {
  const parts = [['a', 'b'], ['c'], ['d']];
  const given = { applied: 'no', retryable: true, connectionLost: true, cause: { code: 'OOM' } } as const;
  const refused = new DriverError('BACKEND', 'no', given);

  it('is sent concurrently and resolves in order', async () => {
    const sent: string[] = [];
    const answers = sendParts(parts, async ([key = '']) => {
      sent.push(key);
      if (key === 'a') await new Promise((resolve) => setTimeout(resolve, 5));
      return key;
    });
    expect(sent).toEqual(['a', 'c', 'd']);
    expect(await answers).toEqual(['a', 'c', 'd']);
    expect(await sendParts([['a']], async () => 1)).toEqual([1]);
    expect(await sendParts([], async () => 1)).toEqual([]);
  });

  it('fails, once all have settled, with the first failure in order and the first key of its part', async () => {
    let ended = false;
    const sent = sendParts(parts, async ([key]) => {
      if (key === 'a') await new Promise((resolve) => setTimeout(resolve, 5));
      ended = key === 'a';
      if (key !== 'd') throw refused;
    });
    const options = { ...given, key: 'a' };
    await expect(sent).rejects.toMatchObject({ code: 'BACKEND', message: 'no', options });
    expect(ended).toBe(true);
    await expect(sendParts([['a']], () => Promise.reject(refused))).rejects.toMatchObject({ options });
    let settled = false;
    const thrown = sendParts(parts, ([key]) => {
      if (key === 'c') throw refused;
      return new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => {
        settled = key === 'd';
        if (key === 'd') throw new Error('no part that nobody waits for');
      });
    });
    await expect(thrown).rejects.toMatchObject({ options: { ...given, key: 'c' } });
    expect(settled).toBe(true);
    const later = sendParts(parts, async ([key]) => {
      if (key !== 'a') throw refused;
    });
    await expect(later).rejects.toMatchObject({ options: { ...given, key: 'c' } });
    // A part may also be a key, an entry, or entries.
    for (const part of [
      'a',
      ['a', 'b'],
      [['a', 'b']],
      [
        ['a', 1],
        ['c', 2],
      ],
    ] as const)
      await expect(sendParts([part], () => Promise.reject(refused))).rejects.toMatchObject({ options });
  });

  it('passes on a failure that names its key, or that is not a DriverError', async () => {
    const named = new DriverError('TOO_LARGE', 'no', { key: 'b' });
    for (const error of [named, new TypeError('no')])
      for (const some of [parts, [['a']]])
        await expect(sendParts(some, () => Promise.reject(error))).rejects.toBe(error);
  });
});
