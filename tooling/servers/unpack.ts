import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { madeOnce } from '../made-once.mjs';

/** Older and newer servers than the machine's own, from the suites of Debian. */
const servers = {
  'Redis 6': { suites: ['bullseye'], install: 'redis-server', program: 'usr/bin/redis-server' },
  'Redis 8': { suites: ['trixie'], install: 'redis-server', program: 'usr/bin/redis-server' },
  'Valkey 8': {
    suites: ['bookworm', 'bookworm-backports'],
    install: 'valkey-server',
    program: 'usr/bin/valkey-server',
  },
  'Valkey 9': { suites: ['forky'], install: 'valkey-server', program: 'usr/bin/valkey-server' },
  'memcached 1.6.9': { suites: ['bullseye'], install: 'memcached', program: 'usr/bin/memcached' },
  'memcached 1.6.38': { suites: ['trixie'], install: 'memcached', program: 'usr/bin/memcached' },
} as const;

export type UnpackedServer = keyof typeof servers;

const ARCHIVE = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LAUNCHER = 'launch';

const execute = promisify(execFile);

/**
 * The executable of a server of another version than the machine's own. Downloads its Debian package with all libraries and
 * their dynamic loader, and unpacks them without installing anything, once per checkout. Rejects if apt cannot download them.
 */
export async function unpackedServer(name: UnpackedServer): Promise<string> {
  const { suites, install, program } = servers[name];
  const folder = await madeOnce(`${install}-${suites.at(-1)}`, async (draft) => {
    try {
      await unpack(draft, suites, install);
      await writeLauncher(draft, program);
    } catch (error) {
      const { message, stderr = '' } = error as Error & { stderr?: string };
      const reason = stderr.trim().split('\n').at(-1) || message.split('\n')[0];
      throw new Error(`${name} could not be unpacked from Debian's ${suites.join(' and ')}: ${reason}`);
    }
  });
  return join(folder, LAUNCHER);
}

async function unpack(root: string, suites: readonly string[], install: string): Promise<void> {
  const apt = join(root, 'apt');
  await mkdir(join(apt, 'state/lists/partial'), { recursive: true });
  await mkdir(join(apt, 'cache/archives/partial'), { recursive: true });
  const sources = suites.map((suite) => `deb [signed-by=${KEYRING}] ${ARCHIVE} ${suite} main\n`);
  await writeFile(join(apt, 'sources.list'), sources.join(''));
  // An empty status file makes apt download every library, including the C library.
  await writeFile(join(apt, 'status'), '');
  const options = {
    'Dir::State': join(apt, 'state'),
    'Dir::State::status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
  };
  const args = Object.entries(options).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
  await execute('apt-get', [...args, '-q', 'update']);
  await execute('apt-get', [...args, '-qy', '--no-install-recommends', '--download-only', 'install', install]);
  const archives = join(apt, 'cache/archives');
  for (const file of await readdir(archives))
    if (file.endsWith('.deb')) await execute('dpkg-deb', ['--extract', join(archives, file), root]);
  await rm(apt, { recursive: true });
}

/** Writes a script that runs the program with the unpacked libraries and loader, wherever the folder is moved to. */
async function writeLauncher(root: string, program: string): Promise<void> {
  const folders: string[] = [];
  let loader = '';
  for (const place of ['usr/lib', 'lib'].filter((folder) => existsSync(join(root, folder)))) {
    for (const name of await readdir(join(root, place))) {
      if (!name.endsWith('-linux-gnu')) continue;
      const folder = join(place, name);
      folders.push(folder);
      const found = (await readdir(join(root, folder))).find((file) => /^ld-linux.*\.so\.\d$/.test(file));
      if (found !== undefined) loader = join(folder, found);
    }
  }
  const libraries = folders.map((folder) => `"$here/${folder}"`).join(':');
  const lines = [
    '#!/bin/sh',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: expanded by the shell.
    'here=${0%/*}',
    `exec "$here/${loader}" --library-path ${libraries} "$here/${program}" "$@"`,
  ];
  await writeFile(join(root, LAUNCHER), `${lines.join('\n')}\n`, { mode: 0o755 });
}
