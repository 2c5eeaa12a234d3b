import { tmpdir } from 'node:os';
import { freePort, type ServerProcess, startServer } from './process.ts';

/** A real Redis server that keeps nothing on disk; `args` are further ones of its command line. */
export async function startRedis(args: readonly string[] = []): Promise<ServerProcess> {
  const port = await freePort();
  const own = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  // Set where the set-up found it elsewhere than on PATH.
  const program = process.env.REDIS_SERVER || 'redis-server';
  return await startServer(program, [...own, ...args], port, /Ready to accept connections/);
}
