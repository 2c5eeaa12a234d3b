import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Registry, startRegistry } from '../registry/registry.ts';
import { addInstalled } from './support/installed.ts';
import { snippets } from './support/readme.ts';
import { manifestOf, packages, type ReadmeServers, root, run } from './support/workspace.ts';

const published = packages.filter((folder) => manifestOf(folder).private !== true);
const adapters = published.filter((folder) => folder !== 'packages/core');
const folder = mkdtempSync(join(tmpdir(), 'ninefold-rehearsal-'));
const copy = join(folder, 'workspace');
let registry: Registry;
let env: Readonly<Record<string, string>>;
/** The packages that the first release published, and every package with its version after it. */
let first: { readonly released: readonly string[]; readonly versions: readonly string[] };

/** Copies the files that git would commit, with their builds, to a repository of their own. */
async function copyWorkspace(): Promise<void> {
  const listed = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  for (const file of listed.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))) {
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const name of packages) {
    cpSync(join(root, name, 'dist'), join(copy, name, 'dist'), { recursive: true });
    // pnpm looks here for the version that `workspace:^` stands for.
    mkdirSync(join(copy, name, 'node_modules/@ninefold'), { recursive: true });
    symlinkSync(join(copy, 'packages/core'), join(copy, name, 'node_modules/@ninefold/core'));
  }
  await git('init', '--quiet', '--initial-branch=main');
  await commit('Begin');
}

const git = (...args: string[]): Promise<string> =>
  run('git', ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost', ...args], { folder: copy });

async function commit(message: string): Promise<void> {
  await git('add', '--all');
  await git('commit', '--quiet', '--message', message);
}

/** Runs `changeset version` and `changeset publish` like the workflow. Resolves to the packages published. */
async function release(): Promise<readonly string[]> {
  const before = registry.published.length;
  await run('changeset', ['version'], { folder: copy, env });
  await commit('Version');
  await run('changeset', ['publish', '--no-git-tag'], { folder: copy, env });
  return registry.published.slice(before).toSorted();
}

async function describeChange(name: string, bump: 'patch' | 'minor'): Promise<void> {
  writeFileSync(join(copy, '.changeset/rehearsed.md'), `---\n"@ninefold/${name}": ${bump}\n---\n\nTry the release.\n`);
  await commit(`Change ${name}`);
}

beforeAll(async () => {
  registry = await startRegistry();
  const config = join(folder, 'npmrc');
  writeFileSync(config, `registry=${registry.url}\n${registry.url.slice('http:'.length)}:_authToken=rehearsal\n`);
  // Overrides any other registry in the machine's settings.
  env = { npm_config_userconfig: config, npm_config_registry: registry.url, npm_config_cache: join(folder, 'cache') };
  await addInstalled(registry, published, folder);
  await copyWorkspace();
  const released = await release();
  first = { released, versions: published.map((name) => `${manifestOf(name).name}@${versionIn(name)}`).toSorted() };
});

afterAll(async () => {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a release', () => {
  it('publishes every package once, with the version that the changesets say', async () => {
    expect(first.released).toEqual(first.versions);
    const before = registry.published.length;
    await run('changeset', ['publish', '--no-git-tag'], { folder: copy, env });
    expect(registry.published).toHaveLength(before);
  });

  it.each(adapters)(
    'of %s is installed into an empty folder and runs the first program of its README',
    async (name) => {
      const app = join(folder, 'app', name);
      mkdirSync(app, { recursive: true });
      writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
      const readme = readFileSync(join(root, name, 'README.md'), 'utf8');
      const [, install = ''] = /^npm install (.+)$/m.exec(readme) ?? [];
      expect(install.split(' ')).toContain(manifestOf(name).name);
      await run('npm', ['install', '--no-audit', '--no-fund', ...install.split(' ')], { folder: app, env });
      const [snippet] = snippets(readme);
      writeFileSync(join(app, 'first.ts'), snippet?.firstBlock ?? '');
      const servers = join(root, name, 'test/support/readme-servers.ts');
      const started: ReadmeServers | undefined = existsSync(servers)
        ? await (await import(servers)).startReadmeServers()
        : undefined;
      try {
        const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
        await run(process.execPath, ['--import', loader, 'first.ts'], { folder: app, env: { ...started?.env } });
      } finally {
        await started?.stop();
      }
    },
  );

  it('of a change to one adapter is a release of that adapter alone', async () => {
    await describeChange('memory', 'patch');
    expect(await release()).toEqual([`@ninefold/memory@${versionIn('packages/memory')}`]);
  });

  it('of a minor of core is a release of core alone', async () => {
    await describeChange('core', 'minor');
    expect(await release()).toEqual([`@ninefold/core@${versionIn('packages/core')}`]);
  });
});

function versionIn(name: string): string {
  return JSON.parse(readFileSync(join(copy, name, 'package.json'), 'utf8')).version;
}
