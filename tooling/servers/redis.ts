import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { type ServerProcess, startServer } from './process.ts';
import { type Reply, RespConnection } from './resp.ts';
import { until } from './until.ts';

export interface RedisOptions {
  /** The executable; by default that of `defaultProgram()`. */
  readonly program?: string | undefined;
  /** Speaks TLS only, with the certificate of `certificate()`. */
  readonly tls?: boolean | undefined;
  /** By default a free one. */
  readonly port?: number | undefined;
}

/** Starts a real Redis server that persists nothing. `args` are appended to its command line. */
export async function startRedis(
  args: readonly string[] = [],
  { program = defaultProgram(), tls = false, port: given }: RedisOptions = {},
): Promise<ServerProcess> {
  const port = given ?? (await freePort());
  const ports = tls ? ['--port', '0', '--tls-port', String(port), ...(await tlsArgs())] : ['--port', String(port)];
  // A folder of its own, because a replica receives its data as a file that the next server in that folder would load.
  const folder = await mkdtemp(join(tmpdir(), 'ninefold-redis-'));
  const disk = ['--save', '', '--appendonly', 'no', '--rdb-del-sync-files', 'yes', '--dir', folder];
  // Sync replicas at once. By default a primary waits five seconds for more of them.
  const own = ['--bind', '127.0.0.1', ...ports, ...disk, '--repl-diskless-sync-delay', '0'];
  return await startServer(program, [...own, ...args], port, /Ready to accept connections/, folder);
}

/** Starts a replica of a Redis server. Resolves when it has the data. */
export async function startRedisReplica(
  primary: ServerProcess,
  args: readonly string[] = [],
  options: RedisOptions = {},
): Promise<ServerProcess> {
  const replica = await startRedis(['--replicaof', `${primary.host} ${primary.port}`, ...args], options);
  await until('the replica has the data', () => isInSync(replica));
  return replica;
}

/** Whether a replica is connected to its primary. */
export async function isInSync(replica: ServerProcess): Promise<boolean> {
  return (await ask(replica, 'INFO', 'replication')).includes('master_link_status:up');
}

/** Sends a command to a server without a password. Resolves to the reply as text; rejects if the reply is an error. */
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

/** The executable that the environment names, or the one on PATH. */
export function defaultProgram(): string {
  return process.env.REDIS_SERVER || 'redis-server';
}

async function tlsArgs(): Promise<string[]> {
  const { file, keyFile } = await certificate();
  const files = ['--tls-cert-file', file, '--tls-key-file', keyFile, '--tls-ca-cert-file', file];
  return [...files, '--tls-auth-clients', 'no'];
}
