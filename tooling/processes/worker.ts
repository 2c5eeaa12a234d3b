import type { CacheBackend } from '@ninefold/core';
import { type Happening, recorder } from '@ninefold/core/conformance';
import type { Task } from './processes.ts';

// One of several processes that share a server. Takes its task as an argument and writes its outcome to standard output.
const task = JSON.parse(process.argv[2] ?? '') as Task;
const module = (await import(task.module)) as Record<string, (options: object) => CacheBackend>;
const factory = module[task.factory];
if (factory === undefined) throw new Error(`${task.module} exports no ${task.factory}`);
const backend = factory(task.options);

/** The machine's monotonic clock in milliseconds, which all processes share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

async function count(): Promise<number[]> {
  const results: number[] = [];
  // Ten calls at a time, so that calls overlap both within a process and between processes.
  for (let done = 0; done < task.times; done += 10) {
    results.push(...(await Promise.all(Array.from({ length: 10 }, () => backend.incr('counter')))));
  }
  return results;
}

async function mix(): Promise<Happening[]> {
  const history: Happening[] = [];
  const notes = recorder(backend, history, now);
  const caller = async (id: number): Promise<void> => {
    for (let round = 0; round < task.times; round++) {
      const key = `k${(id + round) % 3}`;
      const step = (task.seed * 31 + id * 17 + round * 7) % 10;
      if (step < 4) await notes.incr(key, id + 1);
      else if (step < 7) await notes.get(key);
      else if (step < 8) await notes.delete(key);
      else if (step < 9) await notes.set(key, round);
      else await notes.exists(key);
    }
  };
  await Promise.all([caller(0), caller(1)]);
  return history;
}

const outcome = task.plan === 'count' ? await count() : await mix();
await backend.close();
process.stdout.write(JSON.stringify(outcome));
