import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { certificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { type ServerProcess, startServer } from './process.ts';

export interface MemcachedOptions {
  /** The executable; by default that of `defaultProgram()`. */
  readonly program?: string | undefined;
  /** Speaks TLS only, with the certificate of `certificate()`. */
  readonly tls?: boolean | undefined;
  /** Requires this login by SASL. Needs `saslpasswd2` on PATH. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
}

/** Starts a real memcached. `args` are appended to its command line. */
export async function startMemcached(
  args: readonly string[] = [],
  { program = defaultProgram(), tls = false, login }: MemcachedOptions = {},
): Promise<ServerProcess> {
  const port = await freePort();
  // memcached refuses to run as root without `-u`.
  const user = userInfo().uid === 0 ? ['-u', 'root'] : [];
  const own = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', ...user, ...(tls ? await tlsArgs() : [])];
  const ready = () => listens(port);
  if (login === undefined) return await startServer(program, [...own, ...args], port, ready);
  const folder = await saslFolder(login);
  const sasl = [`SASL_CONF_PATH=${folder}`, program, ...own, '-S', ...args];
  return await startServer('env', sasl, port, ready, folder);
}

/** The executable that the environment names, or the one on PATH. */
export function defaultProgram(): string {
  return process.env.MEMCACHED || 'memcached';
}

async function tlsArgs(): Promise<string[]> {
  const { file, keyFile } = await certificate();
  return ['-Z', '-o', `ssl_chain_cert=${file},ssl_key=${keyFile}`];
}

/** A folder with a configuration and a database for the SASL library that holds one user. */
async function saslFolder({ username, password }: { username: string; password: string }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ninefold-sasl-'));
  const database = join(folder, 'sasldb');
  await writeFile(join(folder, 'memcached.conf'), `mech_list: plain\nsasldb_path: ${database}\n`);
  const made = promisify(execFile)('saslpasswd2', [
    ...['-p', '-a', 'memcached', '-c', '-f', database],
    ...['-u', hostname(), username],
  ]);
  made.child.stdin?.end(password);
  await made;
  return folder;
}

function listens(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).then((open) => {
    socket.destroy();
    return open as boolean;
  });
}
