import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackend } from '@ninefold/core';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { Pipeline } from '../../../packages/redis/src/pipeline.ts';
import { ReplyWatchdog } from '../../../packages/redis/src/reply-watchdog.ts';
import { unread } from '../../../packages/redis/src/sender.ts';

// Run with --expose-gc. Prints the number of full garbage collections during many concurrent calls of a backend, and commands
// of a pipeline to Redis: the garbage of a call should not survive a minor collection. Replies come a turn of the event loop
// later and from no server, because V8 also collects while it waits for one.
const ROUNDS = 4000;
const TEXT = '{"json":"a value"}';
const keys = Array.from({ length: 64 }, (_, index) => `k${index}`);
const collect = (globalThis as { gc?: () => void }).gc as () => void;
let full = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind, flags = 0 } = (entry as unknown as { readonly detail: NodeGCPerformanceDetail }).detail;
    const isForced = (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0;
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR && !isForced) full += 1;
  }
}).observe({ entryTypes: ['gc'] });

async function collectionsOf(call: (key: string) => Promise<unknown>): Promise<number> {
  for (let round = 0; round < ROUNDS / 4; round++) await Promise.all(keys.map(call));
  await sleep(50);
  full = 0;
  let inFlight = Promise.all(keys.map(call));
  // Moves what holds calls in flight to the old generation, as in a process that has run for a while.
  for (let time = 0; time < 3; time++) collect();
  for (let round = 0; round < ROUNDS; round++) {
    // Before the last calls are answered, so that there are always some in flight.
    const next = Promise.all(keys.map(call));
    await inFlight;
    inFlight = next;
  }
  await inFlight;
  await sleep(50);
  return full;
}

function later<T>(answer: T): Promise<T> {
  return new Promise((resolve) => setImmediate(resolve, answer));
}

const backend = createBackend(
  {
    name: 'later',
    capabilities: { shared: false, atomicIncr: false, ttlGranularity: 1, maxValueBytes: undefined },
    get: () => later(TEXT),
    getMany: (of) => of.map(() => undefined),
    setMany: () => undefined,
    exists: () => false,
    deleteMany: () => 0,
    incr: () => 0,
    close: () => undefined,
  },
  { timeoutMs: 60_000 },
);
const commands = /^\*/gm;
const socket = Object.assign(new EventEmitter(), {
  bytesRead: 0,
  destroyed: false,
  write: (written: string) => {
    const replies = Buffer.from('+OK\r\n'.repeat(written.match(commands)?.length ?? 0));
    setImmediate(() => socket.emit('data', replies));
  },
});
const idle = (): undefined => undefined;
const watchdog = new ReplyWatchdog(socket, 60_000, { onSilent: idle, onLate: idle });
const pipeline = new Pipeline(socket as unknown as Socket, watchdog, idle);
console.log(
  JSON.stringify({
    calls: await collectionsOf((key) => backend.getValue(key)),
    commands: await collectionsOf((key) => pipeline.send({ name: 'get', args: [key], read: unread })),
  }),
);
