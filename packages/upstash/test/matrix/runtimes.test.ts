import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { commandOf, type Runtime, runtimes } from '@ninefold/tooling/runtimes';
import type { Tried } from '@ninefold/tooling/testing/rules-alone';
import type { UpstashFront } from '@ninefold/tooling/upstash-front';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../support/bundle.ts';
import { startFront } from '../support/service.ts';

const folder = mkdtempSync(join(tmpdir(), 'ninefold-runtimes-'));
const program = join(folder, 'program.mjs');

let front: UpstashFront;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ front, stop } = await startFront());
  writeFileSync(program, (await bundle('programs/runtime.ts', { platform: 'neutral' })).text);
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stop();
});

interface Program {
  readonly child: ChildProcess;
  readonly line: () => Promise<string>;
}

async function start(runtime: Runtime, mode: string): Promise<Program> {
  const [command, args] = await commandOf(runtime);
  const child = spawn(command, [...args, program, mode, front.url, front.token], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => String((await lines.next()).value) };
}

describe.each(runtimes)('%s', (runtime) => {
  it('keeps every rule', async () => {
    const { line } = await start(runtime, 'rules');
    const { tried, broken } = JSON.parse(await line()) as Tried;
    expect(broken).toEqual([]);
    expect(tried).toBeGreaterThan(200);
  });

  it('sends an increment once when its response is lost on a reused connection', async () => {
    const { child, line } = await start(runtime, 'increment');
    expect(await line()).toBe('ready');
    front.requests.length = 0;
    front.fail({ kind: 'drop-reply' });
    child.stdin?.write('go\n');
    expect(JSON.parse(await line())).toBe('UNAVAILABLE');
    expect(front.requests).toEqual([{ path: '/pipeline', commands: ['EVAL'] }]);
  });
});
