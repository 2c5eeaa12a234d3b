import { setImmediate as nextTick } from 'node:timers/promises';
import { RecordedWrites } from '@ninefold/tooling/testing/recorded-writes';
import { beforeEach, expect, it } from 'vitest';
import { Corking } from '../src/corking.ts';

let writes: RecordedWrites;
let corking: Corking;
let inFlight: number;

beforeEach(() => {
  writes = new RecordedWrites();
  corking = new Corking(writes);
  inFlight = 0;
});

/** The writes of a tick: those made at once, and those at its end. Then all requests are answered, unless they are `kept`. */
async function tick(requests: string, { kept = false } = {}): Promise<[string[], string[]]> {
  writes.all.length = 0;
  for (const request of requests) {
    corking.cork({ alone: inFlight === 0 });
    writes.write(request);
    inFlight += 1;
  }
  const first = writes.all.splice(0);
  await nextTick();
  if (!kept) inFlight -= requests.length;
  return [first, [...writes.all]];
}

it('lets the requests of a tick share one write, except a first one that is likely to be alone: it leaves at once', async () => {
  expect(await tick('a')).toEqual([['a'], []]);
  expect(await tick('bcd')).toEqual([['b'], ['cd']]);
  expect(await tick('efg')).toEqual([[], ['efg']]);
  expect(await tick('h')).toEqual([[], ['h']]);
  expect(await tick('i')).toEqual([['i'], []]);
  expect(await tick('jk')).toEqual([['j'], ['k']]);
  expect(await tick('lm')).toEqual([[], ['lm']]);
});

it('does so as well while others are not answered', async () => {
  expect(await tick('a', { kept: true })).toEqual([['a'], []]);
  expect(await tick('bc')).toEqual([[], ['bc']]);
  expect(await tick('d')).toEqual([[], ['d']]);
  expect(await tick('e')).toEqual([[], ['e']]);
  inFlight = 0;
  expect(await tick('f')).toEqual([[], ['f']]);
  expect(await tick('g')).toEqual([['g'], []]);
});
