import { startRedis } from '@ninefold/tooling/servers/redis';
import { describe, expect, it } from 'vitest';
import { closeAfter } from './support/closing.ts';

describe.concurrent('a process that closes its backend ends', () => {
  const asSentinel = (url: string): object => ({ sentinels: { name: 'mymaster', urls: [url] } });
  const faults: [string, 'pause' | 'kill' | 'nothing', 'warm' | 'cold', RegExp, ((url: string) => object)?][] = [
    ['while the server is paused', 'pause', 'warm', /^CLOSED$/],
    ['while a server that was never used is paused', 'pause', 'cold', /^CLOSED$/],
    ['while the server is gone', 'kill', 'warm', /^(UNAVAILABLE|CLOSED)$/],
    ['while a server that was never used is gone', 'kill', 'cold', /^(UNAVAILABLE|CLOSED)$/],
    ['while a sentinel that was never used is paused', 'pause', 'cold', /^CLOSED$/, asSentinel],
    ['while all is well', 'nothing', 'warm', /^resolved$/],
  ];
  for (const [what, fault, mode, outcome, way = (url: string) => ({ url })] of faults) {
    it(what, async () => {
      const server = await startRedis();
      try {
        const fail = async (): Promise<void> => {
          if (fault === 'pause') await server.pause();
          if (fault === 'kill') await server.kill();
        };
        const options = way(`redis://${server.host}:${server.port}`);
        const closed = await closeAfter({ ...options, timeoutMs: 20_000 }, fail, mode);
        expect(closed).toMatchObject({ inTime: true, sockets: 0, code: 0, words: '' });
        for (const each of closed.outcomes) expect(each).toMatch(outcome);
      } finally {
        await server.stop();
      }
    });
  }
});
