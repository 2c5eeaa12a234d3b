import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from '@ninefold/tooling/servers/process';

/** Milliseconds in which a signal reaches every thread of a server on a busy machine. */
const SIGNAL_MS = 300;

/** Pauses a server. Resolves when it no longer responds. */
export async function pause(server: ServerProcess): Promise<void> {
  server.pause();
  await sleep(SIGNAL_MS);
}
