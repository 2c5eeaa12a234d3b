import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packages, root, run } from './support/workspace.ts';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const folder = mkdtempSync(join(tmpdir(), 'ninefold-packed-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(packages)('the tarball of %s', (name) => {
  let packed: Packed;
  let manifest: Record<string, unknown>;

  beforeAll(async () => {
    packed = JSON.parse(await run('pnpm', ['pack', '--json', '--pack-destination', folder], { folder: name }));
    manifest = JSON.parse(await run('tar', ['xzOf', packed.filename, 'package/package.json']));
  });

  it('passes publint without messages', async () => {
    const tarball = Uint8Array.from(readFileSync(packed.filename)).buffer;
    const { messages } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
  });

  it('resolves to the right types in every mode of resolution, for import and for require', async () => {
    await run('node_modules/.bin/attw', [packed.filename, '--format', 'ascii'], {
      folder: 'tooling',
    });
  });

  it('holds the build, a README and a licence, and no source, test or build state', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
    expect(
      paths.filter(
        (path) =>
          !/^(dist\/.+\.(js|d\.ts)|dist\/cjs\/(package\.json|LICENSE-[a-z-]+)|LICENSE|README\.md|package\.json)$/.test(
            path,
          ),
      ),
    ).toEqual([]);
  });

  it('names no sources and depends on no other backend', () => {
    expect(JSON.stringify(manifest.exports)).not.toMatch(/@ninefold\/source|\/src\//);
    const siblings = Object.entries(manifest.dependencies as object).filter(([name]) => name.startsWith('@ninefold/'));
    for (const [sibling, range] of siblings) {
      expect(sibling).toBe('@ninefold/core');
      expect(range).toMatch(/^\^\d/);
    }
  });
});

/** What a program needs to name the types of any backend, so that another one is a change of one line. */
const FROM_CORE = [
  'BackendOptions',
  'CacheBackend',
  'CacheError',
  'CacheErrorCode',
  'Capabilities',
  'ReadOptions',
  'Serializer',
  'ValueType',
  'WriteOptions',
  'isCacheError',
];
const adapters = packages.filter((name) => name !== 'packages/core' && name !== 'packages/cache');

it.each([...adapters, 'tooling/adapter-template'])('%s exports what every adapter exports of core', (name) => {
  const manifest = JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8'));
  const entry = readFileSync(join(root, name, manifest.exports['.']['@ninefold/source']), 'utf8');
  const [, list = ''] = /^export \{([^}]*)\} from '@ninefold\/core';$/m.exec(entry) ?? [];
  const names = list.split(',').map((item) => item.trim().replace('type ', ''));
  // `RemoteOptions` only where there is a deadline.
  expect(names.filter((item) => item !== '' && item !== 'RemoteOptions').toSorted()).toEqual(FROM_CORE);
});
