import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { listen } from '@ninefold/tooling/servers/listen';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { UpstashFront } from '@ninefold/tooling/upstash-front';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function run(program: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const args = ['--conditions=@ninefold/source', '--import', 'tsx', `examples/${program}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
  return stdout.trimEnd().split('\n');
}

describe.concurrent('an example', () => {
  it('saves an HTTP API most of its SQLite queries', async () => {
    const [, without = '', withCache = ''] = await run('http-api/main.ts');
    const [, queries] = /^without cache +(\d+) +– +[\d.]+ ms +[\d.]+ ms$/.exec(without) ?? [];
    expect(Number(queries)).toBe(1980);
    const [, fewer, rate] = /^with cache +(\d+) +(\d+) % +[\d.]+ ms +[\d.]+ ms$/.exec(withCache) ?? [];
    // Each of the 500 customers is loaded at most once, and once more after each of the 20 renames.
    expect(Number(fewer)).toBeLessThan(560);
    expect(Number(rate)).toBeGreaterThan(50);
  });

  it('memoises a function', async () => {
    expect(await run('memoised.ts')).toEqual([
      '100 callers, 4 calls of the service',
      'once more: 4 calls',
      'after the invalidation of one city: 5 calls, 14 °C',
    ]);
  });

  it('shares a cache in NestJS and closes it with the application', async () => {
    const redis = await startRedis();
    try {
      expect(await run('nest/main.ts', { REDIS_URL: `redis://${redis.host}:${redis.port}` })).toEqual([
        '50 requests for Ada, 1 query',
        'renamed to Ada Lovelace',
        'the cache is closed: true',
      ]);
    } finally {
      await redis.stop();
    }
  });

  it('reports to OpenTelemetry', async () => {
    const lines = await run('telemetry.ts');
    expect(lines.map((line) => line.replace(/ +/g, ' '))).toEqual([
      'cache.keys getOrSet true 1',
      'cache.keys getOrSet false 3',
      'cache.operation.duration load 1',
      'cache.operation.duration getOrSet 4',
      'cache.operation.duration load 1',
      'cache.operation.duration getOrSet 1',
      'cache.operation.duration close 1',
      'cache load UNSET',
      'cache load ERROR',
    ]);
  });

  it('caches pages in a Worker', async () => {
    const redis = await startRedis();
    const front = await UpstashFront.start({ redis, token: 'AXkfASQgt0ken' });
    let requests = 0;
    let down = false;
    const origin = createServer((request, response) => {
      requests += 1;
      if (down) response.statusCode = 503;
      setTimeout(() => response.end(`${request.url}, ${requests}`), 50);
    });
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('../worker/worker.ts', import.meta.url))],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      mainFields: ['module', 'main'],
      conditions: ['@ninefold/source', 'workerd', 'worker', 'import'],
    });
    const worker = new Miniflare({
      modules: true,
      script: outputFiles[0]?.text ?? '',
      compatibilityDate: '2025-07-01',
      bindings: {
        UPSTASH_REDIS_REST_URL: front.url,
        UPSTASH_REDIS_REST_TOKEN: front.token,
        ORIGIN: `http://127.0.0.1:${await listen(origin)}`,
      },
    });
    const visit = async (path: string, method = 'GET'): Promise<string> =>
      await (await worker.dispatchFetch(`http://worker${path}`, { method })).text();
    try {
      expect(await visit('/pages/home')).toBe('/home, 1');
      expect(await visit('/pages/home')).toBe('/home, 1');
      await visit('/pages/home', 'DELETE');
      expect(await visit('/pages/home')).toBe('/home, 2');
      await visit('/pages', 'DELETE');
      expect(await visit('/pages/home')).toBe('/home, 3');
      const together = await Promise.all([1, 2, 3].map(() => visit('/pages/about')));
      expect(new Set(together)).toEqual(new Set(['/about, 4']));
      down = true;
      expect((await worker.dispatchFetch('http://worker/pages/late')).status).toBe(502);
      down = false;
      expect(await visit('/pages/late')).toBe('/late, 6');
    } finally {
      await worker.dispose();
      origin.close();
      await front.stop();
      await redis.stop();
    }
  });
});
