import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { contestants, type Enter } from './contestants.ts';
import { CLOCK_BEHIND, type Scenario, scenarios } from './scenarios.ts';

/** Milliseconds: more than the deadline of a call, so that only a call that hangs does not settle. */
const PATIENCE_MS = 30_000;

/** Plays every scenario with every contestant and resolves the results as a table. */
export async function stampedeTable(): Promise<string> {
  const names = Object.keys(contestants);
  const rows: (readonly string[])[] = [];
  for (const [scenario, play] of Object.entries(scenarios)) {
    rows.push([scenario, ...(await inTurn(Object.values(contestants), (enter) => playWith(enter, play), scenario))]);
  }
  const lines = [['', ...names.map(titleOf)], ['---', ...names.map(() => '---')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** In parallel, except for the scenario that sets the clock of all. */
async function inTurn<T>(enters: readonly Enter[], run: (enter: Enter) => Promise<T>, scenario: string): Promise<T[]> {
  if (scenario !== CLOCK_BEHIND) return await Promise.all(enters.map(run));
  const outcomes: T[] = [];
  for (const enter of enters) outcomes.push(await run(enter));
  return outcomes;
}

async function playWith(enter: Enter, play: Scenario): Promise<string> {
  // A server of its own, so that none inherits a fault of another.
  const server = await startRedis();
  const proxy = await FaultProxy.start(server);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const [one, other] = [await enter(url), await enter(url)];
  const playing = play({ one, other, proxy }).catch((error: unknown) => `it fails: ${error}`);
  const outcome = (await within(PATIENCE_MS, playing)) ?? 'it does not settle';
  await proxy.set(undefined);
  // A client that waits for its server may reject the close, or never settle it.
  await within(1000, Promise.allSettled([one, other].map((cache) => cache.close())));
  await proxy.stop();
  await server.stop();
  return outcome;
}

/** The value, or `undefined` if it takes longer. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const controller = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: controller.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
  }
}

/** Name and version as they are installed. */
function titleOf(name: string): string {
  if (name.startsWith('@ninefold/')) return name;
  const module = name === 'cachified' ? '@epic-web/cachified' : name;
  return `${module} ${versionOf(module)}`;
}

function versionOf(module: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(module) ?? [];
  for (const path of paths) {
    try {
      return JSON.parse(readFileSync(join(path, module, 'package.json'), 'utf8')).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${module} is not installed`);
}

const readme = join(dirname(import.meta.dirname), '../README.md');
const PLACE = /(?<=<!-- stampedes -->\n)[\s\S]*?(?=\n<!-- end of stampedes -->)/;

/** The README, the table in it, and the README with another table in its place. */
export function readReadme(): {
  readonly file: string;
  readonly table: string;
  readonly with: (table: string) => string;
} {
  const text = readFileSync(readme, 'utf8');
  return { file: readme, table: PLACE.exec(text)?.[0] ?? '', with: (table) => text.replace(PLACE, () => table) };
}
