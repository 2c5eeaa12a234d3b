import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The matrix logs in to memcached by SASL, so it needs tools to create a user. */
const logins = process.env.NINEFOLD_MATRIX
  ? { apt: ['sasl2-bin', 'libsasl2-modules'], apk: ['cyrus-sasl'], dnf: ['cyrus-sasl', 'cyrus-sasl-plain'] }
  : { apt: [], apk: [], dnf: [] };

/** The commands for each package manager, in order. The first manager found on PATH is used. */
const installers = {
  'apt-get': [
    ['update', '-q'],
    [
      ...['install', '-qy', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...logins.apt],
      ...['redis-server', 'memcached'],
    ],
  ],
  apk: [['add', '--no-cache', ...logins.apk, 'redis', 'memcached']],
  dnf: [['install', '-y', ...logins.dnf, 'redis', 'memcached']],
  brew: [['install', 'redis', 'memcached']],
};

/**
 * Finds the executables of the servers that the suites run against: those that the environment names, then those on PATH.
 * Installs what is missing if a package manager can do so without a prompt.
 * @returns {{ readonly 'redis-server': string, readonly memcached: string }}
 * @throws {Error} whose message is one line that says what to install
 */
export function findServers() {
  let servers = locate();
  let refusal = '';
  if (!servers) {
    refusal = install();
    servers = locate();
  }
  if (servers) return servers;
  const needed = process.env.NINEFOLD_MATRIX
    ? 'The matrix needs redis-server, memcached and saslpasswd2'
    : 'The suites need redis-server and memcached';
  throw new Error(`${needed}: install them, or set REDIS_SERVER and MEMCACHED to their executables${refusal}.`);
}

function locate() {
  const redis = process.env.REDIS_SERVER || onPath('redis-server');
  const memcached = process.env.MEMCACHED || onPath('memcached');
  if (process.env.NINEFOLD_MATRIX && onPath('saslpasswd2') === undefined) return undefined;
  return redis !== undefined && memcached !== undefined ? { 'redis-server': redis, memcached } : undefined;
}

/** @param {string} program */
function onPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns {string} why nothing was installed; empty on success or without a package manager */
function install() {
  const manager = Object.entries(installers).find(([name]) => onPath(name));
  if (!manager) return '';
  const [name, requests] = manager;
  const mayInstall = name === 'brew' || process.getuid?.() === 0;
  console.log(
    `Installing ${process.env.NINEFOLD_MATRIX ? 'the servers of the matrix' : 'redis-server and memcached'} with ${name} …`,
  );
  for (const request of requests) {
    const [command = '', ...args] = mayInstall ? [name, ...request] : ['sudo', '-n', name, ...request];
    const { status, stderr, error } = spawnSync(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0)
      return ` (${[command, ...args].join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)})`;
  }
  return '';
}
