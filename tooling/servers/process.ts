import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './until.ts';

/** A server that a test started, on a free port of the loopback interface. */
export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  /** Stops the server from answering, and leaves its connections open (SIGSTOP). Resolves when it no longer answers. */
  pause(): Promise<void>;
  /** Continues a paused server (SIGCONT). */
  resume(): void;
  /** Kills the server at once, like a crash (SIGKILL). Resolves when it is gone. */
  kill(): Promise<void>;
  /** Kills the server if it runs, and starts it again on the same port. Resolves when it is ready. */
  restart(): Promise<void>;
  /** Ends the server for good, in whatever state it is. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Milliseconds in which a signal reaches every thread of a server on a busy machine. */
const SIGNAL_MS = 300;

/** Milliseconds for a server to become ready, even on a busy machine. */
const START_MS = 15_000;

// The shell kills the server when its own input ends, which happens however the test's process dies. Without a line before
// the end it also removes the server's folder, its first argument. It writes the server's process id to a separate pipe, and
// closes its own output, so that the end of the output is the end of the server.
const WATCHDOG =
  'folder=$1; shift; "$@" </dev/null 3>&- & echo $! >&3; exec >&- 2>&- 3>&-; read -r _ && folder=; kill -9 $! 2>/dev/null; rm -rf "$folder"';

/** How to know that a server is ready: a pattern in its output, or a check that is repeated until it is true. */
export type Ready = RegExp | (() => Promise<boolean>);

/**
 * Starts a program that serves `port` and resolves when it is ready. The folder, if there is one, is removed when the server is
 * stopped, does not start, or the test's process dies.
 */
export async function startServer(
  program: string,
  args: readonly string[],
  port: number,
  ready: Ready,
  folder = '',
): Promise<ServerProcess> {
  const launch = (): Promise<Running> => launchServer([folder, program, ...args], ready);
  let running = await launch();
  return {
    host: '127.0.0.1',
    port,
    async pause() {
      process.kill(running.pid, 'SIGSTOP');
      await sleep(SIGNAL_MS);
    },
    resume: () => void process.kill(running.pid, 'SIGCONT'),
    kill: () => running.end(),
    async restart() {
      await running.end();
      running = await launch();
    },
    async stop() {
      await running.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Running {
  readonly pid: number;
  end(): Promise<void>;
}

async function launchServer(args: readonly string[], ready: Ready): Promise<Running> {
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'sh', ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // In a process group of its own: Ctrl-C reaches the whole group of the tests, and would end the watchdog before its server.
    detached: true,
  });
  const [, , , ids] = watchdog.stdio;
  const closed = new Promise<void>((resolve) => watchdog.once('close', () => resolve()));
  const end = async (): Promise<void> => {
    if (watchdog.stdin.writable) watchdog.stdin.end('\n');
    await closed;
  };
  let output = '';
  // The id may arrive after the server's first output.
  const id = text(ids as Readable);
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      watchdog.stdin.end();
      reject(new Error(`${args[1]} ${reason}: ${output.slice(-1000)}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${START_MS} ms`), START_MS);
    watchdog.once('error', (error) => fail(error.message));
    const outputs = [watchdog.stdout, watchdog.stderr];
    // The reason may be the last to be read.
    const failEnded = (): void => {
      if (!outputs.every((stream) => stream.readableEnded)) return;
      clearTimeout(timer);
      fail('ended');
    };
    const succeed = (): void => {
      clearTimeout(timer);
      // A server that ends later keeps its folder: it may be started again.
      for (const stream of outputs) stream.off('end', failEnded);
      resolve();
    };
    for (const stream of outputs) {
      stream.once('end', failEnded);
      stream.on('data', (bytes: Buffer) => {
        output = (output + String(bytes)).slice(-10_000);
        if (ready instanceof RegExp && ready.test(output)) succeed();
      });
    }
    // In the other cases, the timer or the `end` event above rejects.
    if (!(ready instanceof RegExp)) until('it is ready', ready, START_MS).then(succeed, () => undefined);
  });
  return { pid: Number(await id), end };
}
