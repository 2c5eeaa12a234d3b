import { Writable } from 'node:stream';
import { setImmediate as nextTick } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { Corking } from '../src/corking.ts';

/** Records each write; the other end of a socket could not tell them apart. */
class Writes extends Writable {
  readonly all: string[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.all.push(String(chunk));
    done();
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.all.push(chunks.map(({ chunk }) => String(chunk)).join(''));
    done();
  }
}

describe('commands of one tick', () => {
  let writes: Writes;
  let corking: Corking;

  beforeEach(() => {
    writes = new Writes();
    corking = new Corking();
  });

  function send(commands: string, length = 1): void {
    for (const command of commands) {
      corking.cork(writes, length);
      writes.write(command);
    }
  }

  /** The writes of a tick: those made at once, and those at its end. */
  async function tick(work: () => void): Promise<[string[], string[]]> {
    writes.all.length = 0;
    work();
    const first = writes.all.splice(0);
    await nextTick();
    return [first, [...writes.all]];
  }

  it('share one write, except a first one that is likely to be alone: it leaves at once', async () => {
    expect(await tick(() => send('a'))).toEqual([['a'], []]);
    expect(await tick(() => send('bcd'))).toEqual([['b'], ['cd']]);
    expect(await tick(() => send('efg'))).toEqual([[], ['efg']]);
    expect(await tick(() => send('h'))).toEqual([[], ['h']]);
    expect(await tick(() => send('i'))).toEqual([['i'], []]);
  });

  it('leave at once if they are long, after those before them', async () => {
    const work = (): void => {
      send('ab');
      send('LM', 48);
      send('cd');
    };
    expect(await tick(work)).toEqual([['a', 'b', 'L', 'M'], ['cd']]);
  });
});
