import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { type EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { until } from './until.ts';

/** A server that a test started, on a free port of the loopback interface. */
export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  /** Leaves its connections open and lets it answer nothing (SIGSTOP). */
  pause(): void;
  /** Lets it go on where it was paused (SIGCONT). */
  resume(): void;
  /** Kills it at once, as a crash does (SIGKILL); resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, killed before if it runs; resolves when it is ready. */
  restart(): Promise<void>;
  /** Ends it for good, however it is; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Milliseconds for a server to say that it is ready, on a machine that does other things too. */
const START_MS = 15_000;

// The shell ends the server when its own input ends, as it does when the test's process dies in whatever way. It tells
// the server's process id on a pipe of its own, and leaves the output to the server, so that the output ends with it.
const WATCHDOG = '"$@" </dev/null 3>&- & echo $! >&3; exec >&- 2>&- 3>&-; read -r _; kill -9 $! 2>/dev/null';

/** What tells that a server is ready: words in its output, or a question that is asked until the answer is yes. */
export type Ready = RegExp | (() => Promise<boolean>);

/** Starts a program that serves `port` and resolves when it is ready. */
export async function startServer(
  program: string,
  args: readonly string[],
  port: number,
  ready: Ready,
): Promise<ServerProcess> {
  const launch = (): Promise<Running> => launchServer(program, args, ready);
  let running = await launch();
  return {
    host: '127.0.0.1',
    port,
    pause: () => void process.kill(running.pid, 'SIGSTOP'),
    resume: () => void process.kill(running.pid, 'SIGCONT'),
    kill: () => running.end(),
    async restart() {
      await running.end();
      running = await launch();
    },
    stop: () => running.end(),
  };
}

interface Running {
  readonly pid: number;
  end(): Promise<void>;
}

async function launchServer(program: string, args: readonly string[], ready: Ready): Promise<Running> {
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'sh', program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // In a group of its own: Ctrl-C, which reaches the whole group of the tests, would end the watchdog before its server.
    detached: true,
  });
  const [, , , ids] = watchdog.stdio;
  const closed = new Promise<void>((resolve) => watchdog.once('close', () => resolve()));
  const end = async (): Promise<void> => {
    watchdog.stdin.end();
    await closed;
  };
  let output = '';
  // It may come later than the server's own words.
  const id = text(ids as Readable);
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      watchdog.stdin.end();
      reject(new Error(`${program} ${reason}: ${output.slice(-1000)}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${START_MS} ms`), START_MS);
    watchdog.once('error', (error) => fail(error.message));
    watchdog.stdout.once('end', () => {
      clearTimeout(timer);
      fail('ended');
    });
    const succeed = (): void => {
      clearTimeout(timer);
      resolve();
    };
    for (const stream of [watchdog.stdout, watchdog.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        output = (output + String(bytes)).slice(-10_000);
        if (ready instanceof RegExp && ready.test(output)) succeed();
      });
    }
    // Whether it ends meanwhile is seen above.
    if (!(ready instanceof RegExp)) until('it is ready', ready, START_MS).then(succeed, () => undefined);
  });
  return { pid: Number(await id), end };
}

// Below the ports that systems give to outgoing connections, one of which could take it while the server is down.
const PORTS = { first: 15_000, count: 15_000 };

/** A port that nobody uses at this moment, and that no other process is given while this one lives. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    // A UDP socket of the same number, which stays until this process ends.
    const claim = createSocket('udp4').unref();
    if ((await bound(claim, () => claim.bind(port, '127.0.0.1'))) && (await isFree(port))) return port;
    claim.close();
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await bound(server, () => server.listen(port, '127.0.0.1'));
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

async function bound(endpoint: EventEmitter, bind: () => void): Promise<boolean> {
  const listening = once(endpoint, 'listening');
  bind();
  try {
    await listening;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}
