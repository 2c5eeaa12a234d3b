import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tried } from '@ninefold/tooling/testing/rules-alone';
import type { UpstashFront } from '@ninefold/tooling/upstash-front';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.ts';
import { startFront } from './support/service.ts';

let front: UpstashFront;
let stop: () => Promise<void>;
let script: string;
let worker: Miniflare;
/** What the bundle still imports at run time. */
let imports: readonly unknown[];

beforeAll(async () => {
  ({ front, stop } = await startFront());
  const { text, metafile } = await bundle('worker/worker.ts', {
    platform: 'browser',
    define: { SERVICE: JSON.stringify({ url: front.url, token: front.token }) },
  });
  imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  script = text;
  worker = new Miniflare({ modules: true, script, compatibilityDate: '2025-07-01' });
  await worker.ready;
});

afterAll(async () => {
  await worker.dispose();
  await stop();
});

async function visit<T = unknown>(name: string): Promise<T> {
  const response = await worker.dispatchFetch(`http://worker/${name}`);
  return (await response.json()) as T;
}

describe('in workerd, with one backend at module scope', () => {
  it('three overlapping requests and a fourth all succeed', async () => {
    // Slow enough that the three overlap.
    front.fail({ kind: 'delay', delayMs: 50 }, { times: 9 });
    const first = await Promise.all(['a', 'b', 'c'].map((name) => visit<{ visits: number }>(name)));
    front.heal();
    const fourth = await visit('d');
    const right = { same: true, date: true, miss: true };
    for (const answer of [...first, fourth]) expect(answer).toMatchObject(right);
    expect(fourth).toMatchObject({ visits: Math.max(...first.map(({ visits }) => visits)) + 1 });
  });

  it('every rule is kept', async () => {
    const { tried, broken } = await visit<Tried>('rules');
    expect(broken).toEqual([]);
    expect(tried).toBeGreaterThan(200);
  });

  it('a failure is one request alone, and the next one works', async () => {
    front.fail({ kind: 'status', status: 503 });
    expect(await visit('e')).toEqual({ error: expect.stringContaining('HTTP 503') });
    expect(await visit('f')).toMatchObject({ same: true });
  });

  it('an increment whose answer is lost is sent once', async () => {
    await visit('g');
    front.requests.length = 0;
    front.fail({ kind: 'drop-reply' });
    expect(await visit('h')).toEqual({ error: expect.stringContaining('was lost') });
    expect(front.requests).toEqual([{ path: '/pipeline', commands: ['EVAL'] }]);
  });

  it('a Worker works whose compatibility date is years ago', async () => {
    const old = new Miniflare({ modules: true, script, compatibilityDate: '2022-01-01' });
    const response = await old.dispatchFetch('http://worker/old');
    expect(await response.json()).toMatchObject({ same: true, date: true, miss: true });
    await old.dispose();
  });

  it('the Worker of the README answers', async () => {
    const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
    const [text = ''] = readme.split('```').filter((block) => block.includes('interface Env'));
    const { outputFiles } = await build({
      stdin: { contents: text.replace(/^ts/, ''), loader: 'ts', resolveDir: import.meta.dirname },
      bundle: true,
      write: false,
      format: 'esm',
      conditions: ['@ninefold/source', 'workerd', 'import'],
    });
    const shown = new Miniflare({
      modules: true,
      script: outputFiles[0]?.text ?? '',
      compatibilityDate: '2025-07-01',
      bindings: { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: front.token },
    });
    for (const visits of [1, 2]) {
      const response = await shown.dispatchFetch('http://worker/');
      expect(await response.text()).toBe(`visit ${visits}`);
    }
    await shown.dispose();
  });

  it('the bundle imports nothing at run time', () => {
    expect(imports).toEqual([]);
  });
});
