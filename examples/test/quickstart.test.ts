import { once } from 'node:events';
import { createServer } from 'node:net';
import { listen } from '@ninefold/tooling/servers/listen';
import { describe, expect, it } from 'vitest';
import { startMemcached } from '../../tooling/servers/memcached.ts';
import { quickstart } from './support/quickstart.ts';

const TIMEOUT_MS = 120_000;

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe.concurrent('the quickstart', () => {
  it(
    'shows what the nine operations did with hundreds of real documents, in 80 columns without colour',
    async () => {
      const { code, stdout, stderr } = await quickstart([]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lines = stdout.trimEnd().split('\n');
      expect(lines.filter((line) => line.length > 80 || line.includes('\u001b'))).toEqual([]);

      const documents = Number(
        /^Ninefold on memory: (\d+) package manifests, \d+ kB of JSON$/.exec(lines[0] ?? '')?.[1],
      );
      expect(documents).toBeGreaterThan(100);
      const table = lines.slice(3, -2).map((line) => line.split(/ +/).slice(0, 5));
      const removed = Number(table.find(([operation]) => operation === 'deleteMany')?.[2]) - 1;
      expect(removed).toBeGreaterThan(documents);
      expect(table).toEqual([
        ['multiSetValues', '1', `${documents}`, '·', '·'],
        ['getValue', `${documents + 1}`, `${documents + 1}`, `${documents}`, '1'],
        ['multiGetValues', '1', `${documents}`, `${documents}`, '0'],
        ['incr', `${documents}`, `${documents}`, '·', '·'],
        ['setValue', '1', '1', '·', '·'],
        ['exists', '2', '2', '1', '1'],
        ['delete', '1', '1', '1', '0'],
        ['deleteMany', '1', `${removed + 1}`, `${removed}`, '1'],
        ['close', '1', '0', '·', '·'],
      ]);
      expect(lines.at(-1)).toBe(`✓ ${documents} manifests came back equal, one by one and in a batch`);
    },
    TIMEOUT_MS,
  );

  it(
    'does the same on several servers of memcached',
    async () => {
      const servers = await Promise.all([startMemcached(), startMemcached()]);
      try {
        const address = servers.map(({ host, port }) => `${host}:${port}`).join();
        const { code, stdout, stderr } = await quickstart([`memcached://${address}`]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout).toMatch(/^Ninefold on memcached: \d+ package manifests, /);
        expect(stdout).toMatch(/✓ \d+ manifests came back equal, one by one and in a batch\n$/);
      } finally {
        await Promise.all(servers.map((server) => server.stop()));
      }
    },
    TIMEOUT_MS,
  );

  it(
    'says in one line what is wrong with an address, without its password',
    async () => {
      const known = 'memory:, redis:, rediss:, memcached:, memcacheds:, upstash:';
      const attempts: [string[], string][] = [
        [['redis+unknown://user:pass@host'], `there is no backend for redis+unknown: URLs; use one of ${known}`],
        [['pass@host:1'], `this is not the URL of a cache server, which begins with one of ${known}`],
        [['memory:', 'pass'], 'usage: npm start -- [url of a cache server]; without a URL the cache is in memory'],
        [['--pass'], 'usage: npm start -- [url of a cache server]; without a URL the cache is in memory'],
      ];
      for (const [args, line] of attempts) {
        expect(await quickstart(args)).toEqual({ code: 1, stdout: '', stderr: `${line}\n` });
      }
    },
    TIMEOUT_MS,
  );

  it(
    'says in one line that a server cannot be reached',
    async () => {
      const { code, stdout, stderr } = await quickstart(['upstash:'], {
        UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${await closedPort()}`,
        UPSTASH_REDIS_REST_TOKEN: 'secret-token',
      });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^\[upstash\] multiSetValues "[^\n"]+": [^\n]+\n$/);
      expect(stderr).not.toContain('secret-token');
    },
    TIMEOUT_MS,
  );

  it(
    'says in one line that a server needs credentials',
    async () => {
      const { code, stdout, stderr } = await quickstart(['upstash://host.example'], { UPSTASH_REDIS_REST_TOKEN: '' });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^\[upstash\] create: token is missing[^\n]*\n$/);
    },
    TIMEOUT_MS,
  );
});
