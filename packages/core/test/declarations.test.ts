import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const core = join(import.meta.dirname, '..');
// Below node_modules, so that what the declarations import is found as it is by a consumer.
const cache = join(core, 'node_modules/.cache');
const tsc = join(core, '../../node_modules/.bin/tsc');
const strict = { strict: true, noEmit: true, skipLibCheck: false, module: 'NodeNext', types: [] };
let folder: string;

const consumer = `
import { type CacheBackend, type CacheDriver, createBackend, isCacheError } from '@ninefold/core';
export async function use(driver: CacheDriver): Promise<number | undefined> {
  const backend: CacheBackend = createBackend(driver, { namespace: 'app', timeoutMs: undefined });
  try {
    return await backend.getValue('n', { type: Number });
  } catch (error) {
    if (isCacheError(error) && error.retryable) return undefined;
    throw error;
  } finally {
    await backend[Symbol.asyncDispose]();
  }
}
`;

async function compile(name: string, lib: readonly string[], source: string): Promise<string> {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'consumer.ts'), source);
  const compilerOptions = { ...strict, lib, paths: { '@ninefold/core': ['../declarations/index.d.ts'] } };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  try {
    return (await promisify(execFile)(tsc, ['-p', project])).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe('the declarations of core', () => {
  beforeAll(async () => {
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'declarations-'));
    const declarations = join(folder, 'declarations');
    await promisify(execFile)(tsc, [
      '-p',
      core,
      '--emitDeclarationOnly',
      '--outDir',
      declarations,
      '--tsBuildInfoFile',
      join(folder, 'tsbuildinfo'),
    ]);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('compile for a consumer on lib ES2022 with neither DOM nor Node types', async () => {
    expect(await compile('bare', ['ES2022'], consumer)).toBe('');
  });

  it('compile beside the DOM and beside the disposables of a newer library', async () => {
    expect(await compile('browser', ['ES2022', 'DOM'], consumer)).toBe('');
    const disposing = consumer.replace('const backend', 'await using backend');
    expect(await compile('disposing', ['ES2022', 'ESNext.Disposable', 'DOM'], disposing)).toBe('');
  });

  it('do not compile a call that the contract refuses', async () => {
    const wrong = consumer.replace('{ type: Number }', '{ type: 5 }');
    expect(await compile('wrong', ['ES2022'], wrong)).toContain('consumer.ts');
  });
});
