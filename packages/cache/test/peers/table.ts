import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { contestants, type Enter } from './contestants.ts';
import { scenarios } from './scenarios.ts';

/** No scenario takes half as long where it comes to an end. */
const PATIENCE_MS = 5000;

/** Plays every scenario with every contestant and writes what came of it as a table. */
export async function stampedeTable(): Promise<string> {
  const names = Object.keys(contestants);
  const columns = await Promise.all(Object.values(contestants).map(playAll));
  const rows = Object.keys(scenarios).map((scenario, index) => [scenario, ...columns.map((column) => column[index])]);
  const lines = [['', ...names.map(titleOf)], ['---', ...names.map(() => '---')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function playAll(enter: Enter): Promise<readonly string[]> {
  const outcomes: string[] = [];
  for (const play of Object.values(scenarios)) {
    // Of its own for each scenario, so that none inherits what another broke.
    const server = await startRedis();
    const proxy = await FaultProxy.start(server);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const [one, other] = [await enter(url), await enter(url)];
    outcomes.push((await within(PATIENCE_MS, play({ one, other, proxy }))) ?? 'it does not settle');
    await proxy.set(undefined);
    // A client that waits for its server may refuse to end, or never come to it.
    await within(1000, Promise.allSettled([one, other].map((cache) => cache.close())));
    await proxy.stop();
    await server.stop();
  }
  return outcomes;
}

/** `undefined` where something takes longer. */
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

/** The README as it is, and with the table in its place. */
export function readmeWith(table: string): { readonly file: string; readonly text: string; readonly wanted: string } {
  const text = readFileSync(readme, 'utf8');
  return { file: readme, text, wanted: text.replace(PLACE, () => table) };
}
