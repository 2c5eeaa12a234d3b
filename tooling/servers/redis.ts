import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificate } from './certificate.ts';
import { freePort, type ServerProcess, startServer } from './process.ts';
import { type Reply, RespConnection } from './resp.ts';
import { until } from './until.ts';

export interface RedisOptions {
  /** The executable; by default the one that the set-up found. */
  readonly program?: string | undefined;
  /** Speaks TLS only, with the certificate of `certificate()`. */
  readonly tls?: boolean | undefined;
}

/** A real Redis server that keeps nothing on disk; `args` are further ones of its command line. */
export async function startRedis(
  args: readonly string[] = [],
  { program = defaultProgram(), tls = false }: RedisOptions = {},
): Promise<ServerProcess> {
  const port = await freePort();
  const ports = tls ? ['--port', '0', '--tls-port', String(port), ...(await tlsArgs())] : ['--port', String(port)];
  // A replica gets its data by a file, which the next server of the same folder would take for its own.
  const folder = await mkdtemp(join(tmpdir(), 'ninefold-redis-'));
  const disk = ['--save', '', '--appendonly', 'no', '--rdb-del-sync-files', 'yes', '--dir', folder];
  // A replica gets its data at once, and not with all that may come within five seconds.
  const own = ['--bind', '127.0.0.1', ...ports, ...disk, '--repl-diskless-sync-delay', '0'];
  const clear = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const server = await startServer(program, [...own, ...args], port, /Ready to accept connections/);
    return { ...server, stop: () => server.stop().then(clear) };
  } catch (error) {
    await clear();
    throw error;
  }
}

/** A replica of a Redis server, with its data. */
export async function startRedisReplica(
  primary: ServerProcess,
  args: readonly string[] = [],
  options: RedisOptions = {},
): Promise<ServerProcess> {
  const replica = await startRedis(['--replicaof', `${primary.host} ${primary.port}`, ...args], options);
  await until('the replica has the data', () => isInSync(replica));
  return replica;
}

/** Whether a replica follows its primary. */
export async function isInSync(replica: ServerProcess): Promise<boolean> {
  return (await ask(replica, 'INFO', 'replication')).includes('master_link_status:up');
}

/** What a server without password answers to a command, as text; rejects if it is an error. */
export async function ask(
  server: { readonly host: string; readonly port: number },
  ...command: string[]
): Promise<string> {
  const connection = new RespConnection(server.host, server.port);
  try {
    const [reply] = await connection.send([command]);
    return textOf(reply as Reply);
  } finally {
    connection.close();
  }
}

function textOf(reply: Reply): string {
  switch (reply.type) {
    case 'error':
      throw new Error(reply.message);
    case 'status':
      return reply.text;
    case 'integer':
      return reply.digits;
    case 'string':
      return String(reply.bytes);
    case 'nil':
      return '';
    case 'array':
      return reply.items.map(textOf).join('\n');
  }
}

/** Set where the set-up found it elsewhere than on PATH. */
export function defaultProgram(): string {
  return process.env.REDIS_SERVER || 'redis-server';
}

async function tlsArgs(): Promise<string[]> {
  const { file, keyFile } = await certificate();
  const files = ['--tls-cert-file', file, '--tls-key-file', keyFile, '--tls-ca-cert-file', file];
  return [...files, '--tls-auth-clients', 'no'];
}
