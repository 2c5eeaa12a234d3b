import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, expect, it, vi } from 'vitest';
import { certificate } from '../servers/certificate.ts';
import { freePort } from '../servers/free-port.ts';
import { startServer } from '../servers/process.ts';
import { ask, startRedis, startRedisReplica } from '../servers/redis.ts';
import { until } from '../servers/until.ts';

const stops: (() => Promise<void>)[] = [];

/** Stops a server at the end of the test. */
function kept<T extends { stop(): Promise<void> }>(server: T): T {
  stops.push(() => server.stop());
  return server;
}

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

it('pauses a server, which goes on where it was', async () => {
  const server = kept(await startRedis());
  await server.pause();
  let answer: string | undefined;
  const asked = ask(server, 'PING').then((text) => {
    answer = text;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(answer).toBeUndefined();
  server.resume();
  await asked;
  expect(answer).toBe('PONG');
});

it('ends a server that is paused', async () => {
  const server = await startRedis();
  await server.pause();
  await server.stop();
  await expect(ask(server, 'PING')).rejects.toThrow('ECONNREFUSED');
});

it('kills a server and starts it on the same port again', async () => {
  const server = kept(await startRedis());
  await ask(server, 'SET', 'k', 'v');
  await server.kill();
  await expect(ask(server, 'PING')).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  expect(await ask(server, 'GET', 'k')).toBe('');
});

it('quotes the output of a server that does not start, without waiting', async () => {
  await expect(startRedis(['--no-such-option', 'x'])).rejects.toThrow(/redis-server ended: [\s\S]*no-such-option/);
  // Its last words may come after the end of its other output.
  const late = startServer('sh', ['-c', 'exec >&-; sleep 0.2; echo why >&2'], await freePort(), /ready/);
  await expect(late).rejects.toThrow('sh ended: why');
  await expect(startServer('no-such-program', [], await freePort(), /ready/)).rejects.toThrow(/no-such-program ended/);
});

it('starts a replica that has its primary’s data', async () => {
  const primary = kept(await startRedis());
  await ask(primary, 'SET', 'k', 'v');
  const replica = kept(await startRedisReplica(primary));
  expect(await ask(replica, 'GET', 'k')).toBe('v');
  await expect(ask(replica, 'SET', 'k', 'w')).rejects.toThrow('READONLY');
  await replica.restart();
  // The replica leaves no file behind that a new server would load.
  expect(await ask(kept(await startRedis()), 'DBSIZE')).toBe('0');
});

it('starts a server that speaks TLS, with a certificate that its clients can check', async () => {
  const server = kept(await startRedis([], { tls: true }));
  const { ca } = await certificate();
  const socket = connect({ host: 'localhost', port: server.port, ca });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  socket.write('PING\r\n');
  const answer = await new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(String(bytes))));
  socket.destroy();
  expect(answer).toBe('+PONG\r\n');
  await expect(ask(server, 'PING')).rejects.toThrow(/closed|ECONNRESET/);
});

it.each([
  ['dies', 'SIGKILL', 1],
  ['is ended by Ctrl-C, or with its terminal, while a server is paused', 'SIGHUP', -1],
] as const)('leaves no server and no folder behind when the process that started it %s', async (_, signal, whole) => {
  const script = `import { startRedisSentinel } from './servers/redis-sentinel.ts';
    const { primary, replica, sentinels } = await startRedisSentinel();
    await primary.pause();
    console.log(JSON.stringify([primary, replica, ...sentinels].map(({ port }) => port)));`;
  const folder = mkdtempSync(join(tmpdir(), 'ninefold-signals-'));
  const starter = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
    // The leader of a process group, like a program started by a shell.
    detached: true,
  });
  const left = (): string[] => readdirSync(folder).filter((name) => name.startsWith('ninefold-'));
  const [line] = (await once(starter.stdout, 'data')) as [Buffer];
  const ports = JSON.parse(String(line)) as number[];
  expect(left()).toHaveLength(ports.length);
  process.kill(whole * (starter.pid as number), signal);
  for (const port of ports)
    await until('the server is gone', () =>
      ask({ host: '127.0.0.1', port }, 'PING').then(
        () => false,
        () => true,
      ),
    );
  await until('the folders are gone', async () => left().length === 0);
  rmSync(folder, { recursive: true });
});

it('keeps the folder of a server until it is stopped', async () => {
  const server = await startRedis();
  const folder = (await ask(server, 'CONFIG', 'GET', 'dir')).slice('dir\n'.length);
  await server.kill();
  await server.restart();
  await server.kill();
  expect(existsSync(folder)).toBe(true);
  await server.restart();
  await ask(server, 'SHUTDOWN').catch(() => undefined);
  // Time in which the folder would be removed.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await server.restart();
  await Promise.all([server.kill(), server.stop()]);
  expect(existsSync(folder)).toBe(false);
});

it('gives a port to one caller only, even before anything listens on it', async () => {
  const first = (): unknown => vi.spyOn(Math, 'random').mockReturnValueOnce(0.5);
  first();
  const port = await freePort();
  first();
  expect(await freePort()).not.toBe(port);
  vi.restoreAllMocks();
});

it('gives both ports of a pair to one caller only', async () => {
  const random = vi.spyOn(Math, 'random');
  random.mockReturnValueOnce(0.5);
  const port = await freePort(10_000);
  random.mockReturnValueOnce((port + 10_000.5 - 15_000) / 15_000);
  expect(await freePort()).not.toBe(port + 10_000);
  random.mockReturnValueOnce(0.9);
  const single = await freePort();
  random.mockReturnValueOnce((single + 0.5 - 25_000) / 5000);
  expect(await freePort(10_000)).not.toBe(single - 10_000);
  vi.restoreAllMocks();
});

it('closes its sockets on the ports that it skips', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(0.5);
  await freePort();
  const open = readdirSync('/dev/fd').length;
  for (let passed = 0; passed < 50; passed++) random.mockReturnValueOnce(0.5);
  await freePort();
  expect(readdirSync('/dev/fd').length - open).toBeLessThan(25);
  vi.restoreAllMocks();
});
