import { setImmediate as nextTick } from 'node:timers/promises';
import { RecordedWrites } from '@ninefold/tooling/testing/recorded-writes';
import { beforeEach, describe, expect, it } from 'vitest';
import { GatheredWrites } from '../src/gathered-writes.ts';

describe('commands of one tick', () => {
  let writes: RecordedWrites;
  let gathered: GatheredWrites;

  beforeEach(() => {
    writes = new RecordedWrites();
    gathered = new GatheredWrites(writes);
  });

  function send(commands: Iterable<string>, args = 1): void {
    for (const command of commands) gathered.write(command, args);
  }

  /** The writes of a tick: those made at once, and those at its end. Then all commands are answered, unless they are `kept`. */
  async function tick(commands: string, { kept = false } = {}): Promise<[string[], string[]]> {
    writes.all.length = 0;
    send(commands);
    const first = writes.all.splice(0);
    await nextTick();
    if (!kept) for (const _ of commands) gathered.answered();
    return [first, [...writes.all]];
  }

  it('share one write, except a first one that is likely to be alone: it leaves at once', async () => {
    expect(await tick('a')).toEqual([['a'], []]);
    expect(await tick('bcd')).toEqual([['b'], ['cd']]);
    expect(await tick('efg')).toEqual([[], ['efg']]);
    expect(await tick('h')).toEqual([[], ['h']]);
    expect(await tick('i')).toEqual([['i'], []]);
    expect(await tick('jk')).toEqual([['j'], ['k']]);
    expect(await tick('lm')).toEqual([[], ['lm']]);
  });

  it('do so as well while others are not answered', async () => {
    expect(await tick('a', { kept: true })).toEqual([['a'], []]);
    expect(await tick('bc')).toEqual([[], ['bc']]);
    expect(await tick('d')).toEqual([[], ['d']]);
    expect(await tick('e')).toEqual([[], ['e']]);
    gathered.answered();
    expect(await tick('f')).toEqual([[], ['f']]);
    expect(await tick('g')).toEqual([['g'], []]);
  });

  it('leave at once if they are long, after those before them', async () => {
    send('ab');
    send('LM', 48);
    send('cd');
    expect(writes.all.splice(0)).toEqual(['a', 'b', 'L', 'M']);
    await nextTick();
    expect(writes.all.splice(0)).toEqual(['cd']);
    const large = 'x'.repeat(40_000);
    send(['e', large, 'f']);
    expect(writes.all.splice(0)).toEqual(['e', large]);
    await nextTick();
    expect(writes.all).toEqual(['f']);
  });

  it('leave by thirty-two, or as soon as they are much text together', async () => {
    const large = 'x'.repeat(20_000);
    send('a');
    send('b'.repeat(35));
    expect(writes.all.splice(0)).toEqual(['a', 'b'.repeat(32)]);
    send([large, large, 'c']);
    expect(writes.all.splice(0)).toEqual([`bbb${large}${large}`]);
    await nextTick();
    expect(writes.all).toEqual(['c']);
  });
});
