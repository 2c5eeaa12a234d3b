import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** A server that a test started, on a free port of the loopback interface. */
export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  /** Ends it at once; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Milliseconds for a server to say that it is ready, on a machine that does other things too. */
const START_MS = 15_000;

// The shell ends the server when its own input ends, as it does when the test's process dies in whatever way.
const KEEPER = '"$@" </dev/null & read -r _; kill -9 $! 2>/dev/null';

/** Starts a program that serves `port` and resolves when its output matches `ready`. */
export async function startServer(
  program: string,
  args: readonly string[],
  port: number,
  ready: RegExp,
): Promise<ServerProcess> {
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const closed = new Promise<void>((resolve) => keeper.once('close', () => resolve()));
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      keeper.stdin.end();
      reject(new Error(`${program} ${reason}: ${output.slice(-1000)}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${START_MS} ms`), START_MS);
    keeper.once('error', (error) => fail(error.message));
    keeper.once('close', () => fail('ended'));
    for (const stream of [keeper.stdout, keeper.stderr]) {
      stream.on('data', (text: Buffer) => {
        output = (output + String(text)).slice(-10_000);
        if (!ready.test(output)) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
  const stop = async (): Promise<void> => {
    keeper.stdin.end();
    await closed;
  };
  return { host: '127.0.0.1', port, stop };
}

/** A port that nobody uses at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
