import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { root, run } from './support/workspace.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ninefold-path-'));
  program('sudo', 'shift; exec "$@"');
});

afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, script = ''): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** What `findServers` prints and finds in a process whose PATH is only `folder`. */
async function find(env: Readonly<Record<string, string>> = {}): Promise<{ printed: string[]; found: unknown }> {
  const module = JSON.stringify(join(root, 'tooling/servers/find.mjs'));
  const script = `import { findServers } from ${module}; console.log(JSON.stringify(findServers()))`;
  const environment = { PATH: folder, REDIS_SERVER: '', MEMCACHED: '', NINEFOLD_MATRIX: '', ...env };
  const printed = (await run(process.execPath, ['--input-type=module', '-e', script], { env: environment }))
    .trim()
    .split('\n');
  return { found: JSON.parse(printed.pop() ?? ''), printed };
}

it('finds both servers on PATH', async () => {
  const found = { 'redis-server': program('redis-server'), memcached: program('memcached') };
  expect(await find()).toEqual({ found, printed: [] });
});

it('prefers the executables that the environment names', async () => {
  program('redis-server');
  const found = { 'redis-server': program('valkey-server'), memcached: program('memcached') };
  expect(await find({ REDIS_SERVER: found['redis-server'] })).toEqual({ found, printed: [] });
});

it.each(['apt-get', 'apk', 'dnf', 'brew'])('installs what is missing with %s', async (manager) => {
  const servers = ['redis-server', 'memcached'].map((name) => join(folder, name));
  const [redis, memcached] = servers;
  // The subcommand differs (`install` or `add`), and the packages come last.
  program(
    manager,
    `case "$*" in *redis*memcached) : > ${redis}; : > ${memcached}; /bin/chmod +x ${servers.join(' ')};; esac`,
  );
  const { found, printed } = await find();
  expect(found).toEqual({ 'redis-server': redis, memcached });
  expect(printed).toEqual([`Installing redis-server and memcached with ${manager} …`]);
});

it('says what to install where nothing can', async () => {
  await expect(find()).rejects.toThrow(
    /Error: The suites need redis-server and memcached: install them, or set REDIS_SERVER and MEMCACHED to their executables\.\n/,
  );
});

it('quotes the error of the package manager', async () => {
  program('apt-get', 'echo "Reading lists" >&2; echo "E: no network" >&2; exit 100');
  await expect(find()).rejects.toThrow(/to their executables \(.*apt-get update -q: E: no network\)\.\n/);
});

it('needs, and installs, what a SASL login takes in the matrix', async () => {
  program('redis-server');
  program('memcached');
  await expect(find({ NINEFOLD_MATRIX: '1' })).rejects.toThrow(
    /Error: The matrix needs redis-server, memcached and saslpasswd2: install them, /,
  );
  const sasl = join(folder, 'saslpasswd2');
  program('apt-get', `case "$*" in *sasl2-bin*libsasl2-modules*) : > ${sasl}; /bin/chmod +x ${sasl};; esac`);
  const { found, printed } = await find({ NINEFOLD_MATRIX: '1' });
  expect(found).toEqual({ 'redis-server': join(folder, 'redis-server'), memcached: join(folder, 'memcached') });
  expect(printed).toEqual(['Installing the servers of the matrix with apt-get …']);
});
