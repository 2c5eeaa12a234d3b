import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Registry, startRegistry } from '../../registry/registry.ts';
import { commandOf, runtimes } from '../../runtimes.mjs';
import { manifestOf, packages, root, run } from '../support/workspace.ts';

const published = packages.filter((name) => manifestOf(name).private !== true);
const folder = mkdtempSync(join(tmpdir(), 'ninefold-consumers-'));
let registry: Registry;
let env: Readonly<Record<string, string>>;

/** The program of every consumer, valid as TypeScript and as JavaScript, without the line that loads the package. */
const body = `
const cache = memoryBackend({ namespace: 'app' });
const work = async () => {
  await cache.setValue('k', new Map([['at', new Date(0)]]), { ttl: 60 });
  const found = await cache.getValue('k');
  const failure = await cache.getValue('').catch((error) => error);
  if (!(found instanceof Map) || !isCacheError(failure)) throw new Error('not as promised');
  await cache.close();
  console.log('as promised');
};
work();
`;
const imported = `import { isCacheError, memoryBackend } from '@ninefold/memory';${body}`;
const required = `const { isCacheError, memoryBackend } = require('@ninefold/memory');${body}`;

async function makeApp(name: string, files: Readonly<Record<string, string>>, ...install: string[]): Promise<string> {
  const app = join(folder, name);
  for (const [file, text] of Object.entries({ 'package.json': '{}', ...files })) {
    mkdirSync(join(app, file, '..'), { recursive: true });
    writeFileSync(join(app, file), text);
  }
  if (install.length > 0) await run('npm', ['install', '--no-audit', '--no-fund', ...install], { folder: app, env });
  return app;
}

beforeAll(async () => {
  registry = await startRegistry();
  for (const name of published) {
    const { filename } = JSON.parse(
      await run('pnpm', ['pack', '--json', '--pack-destination', folder], { folder: name }),
    );
    const manifest = JSON.parse(await run('tar', ['xzOf', filename, 'package/package.json']));
    registry.add(manifest, readFileSync(filename));
  }
  const config = join(folder, 'npmrc');
  writeFileSync(config, `@ninefold:registry=${registry.url}\n`);
  env = { npm_config_userconfig: config };
});

afterAll(async () => {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a consumer of the tarballs', () => {
  it.each([
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }, 'module'],
    ['nodenext-cjs', { module: 'nodenext', moduleResolution: 'nodenext' }, 'commonjs'],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }, 'module'],
    ['commonjs', { module: 'commonjs', moduleResolution: 'node' }, 'commonjs'],
  ])('compiles with %s and runs', async (name, options, type) => {
    const compilerOptions = { target: 'es2022', lib: ['es2022'], types: ['node'], strict: true, ...options };
    const app = await makeApp(
      name,
      {
        'package.json': JSON.stringify({ type }),
        'main.ts': imported,
        'tsconfig.json': JSON.stringify({ compilerOptions, files: ['main.ts'] }),
      },
      '@ninefold/memory',
      'typescript@5.9',
      '@types/node@20',
    );
    await run(join(app, 'node_modules/.bin/tsc'), ['-p', '.'], { folder: app });
    const printed = await run(process.execPath, ['main.js'], { folder: app });
    expect(printed).toBe('as promised\n');
  });

  it('requires every package on a Node that cannot require ES modules', async () => {
    const names = published.map((name) => manifestOf(name).name);
    const load = names.map((name) => `require('${name}');`).join('\n');
    const app = await makeApp('require', { 'main.cjs': `${load}\n${required}` }, ...names);
    const args = ['--no-experimental-require-module', 'main.cjs'];
    expect(await run(process.execPath, args, { folder: app })).toBe('as promised\n');
  });

  it.each(runtimes)('imports it under %s', async (runtime) => {
    const app = await makeApp(`under ${runtime}`, { 'main.mjs': imported }, '@ninefold/memory');
    const [program, args] = await commandOf(runtime);
    expect(await run(program, [...args, 'main.mjs'], { folder: app })).toBe('as promised\n');
  });

  it('depends on one adapter alone under a strict pnpm', async () => {
    const app = await makeApp('strict', { 'main.mjs': imported, 'pnpm-workspace.yaml': 'packages: []\n' });
    writeFileSync(join(app, '.npmrc'), `@ninefold:registry=${registry.url}\n`);
    await run('pnpm', ['add', '@ninefold/memory'], { folder: app, env });
    expect(await run(process.execPath, ['main.mjs'], { folder: app })).toBe('as promised\n');
  });

  it('bundles it for a Worker, where there is no Node', async () => {
    const app = await makeApp('worker', { 'main.mjs': imported }, '@ninefold/memory');
    const bundle = await rolldown({ input: join(app, 'main.mjs'), platform: 'browser' });
    const { output } = await bundle.generate({ format: 'iife' });
    expect(output[0].imports).toEqual([]);
    const printed = await new Promise((resolve) => {
      const console = { log: resolve };
      const given = { console, performance, setTimeout, clearTimeout, TextEncoder, URL, AbortController, btoa, atob };
      runInNewContext(output[0].code, given);
    });
    expect(printed).toBe('as promised');
  });

  it('tests with ts-jest in CommonJS, as a new project of Nest does', async () => {
    const jest = {
      moduleFileExtensions: ['js', 'json', 'ts'],
      rootDir: 'src',
      testRegex: '.*\\.spec\\.ts$',
      transform: { '^.+\\.(t|j)s$': 'ts-jest' },
      testEnvironment: 'node',
    };
    const compilerOptions = {
      module: 'commonjs',
      declaration: true,
      emitDecoratorMetadata: true,
      experimentalDecorators: true,
      allowSyntheticDefaultImports: true,
      target: 'ES2023',
      outDir: './dist',
      skipLibCheck: true,
      strictNullChecks: true,
    };
    const service = `import { Injectable } from '@nestjs/common';
import { memoryBackend } from '@ninefold/memory';
@Injectable()
export class AppService {
  readonly cache = memoryBackend();
}
`;
    const spec = `import { Test } from '@nestjs/testing';
import { isCacheError } from '@ninefold/memory';
import { AppService } from './app.service';
it('caches', async () => {
  const module = await Test.createTestingModule({ providers: [AppService] }).compile();
  const { cache } = module.get(AppService);
  await cache.setValue('k', { at: new Date(0), tags: new Set(['a']) });
  expect(await cache.getValue('k')).toEqual({ at: new Date(0), tags: new Set(['a']) });
  expect(await cache.getValue('').catch(isCacheError)).toBe(true);
  await cache.close();
});
`;
    const files = {
      'package.json': JSON.stringify({ jest }),
      'tsconfig.json': JSON.stringify({ compilerOptions }),
      'src/app.service.ts': service,
      'src/app.service.spec.ts': spec,
    };
    const nest = ['@nestjs/common@11', '@nestjs/core@11', '@nestjs/testing@11', 'reflect-metadata@0.2', 'rxjs@7'];
    const tools = ['jest@30', 'ts-jest@29', '@types/jest@30', '@types/node@20', 'typescript@5.9'];
    const app = await makeApp('nest', files, '@ninefold/memory', ...nest, ...tools);
    await run(process.execPath, ['node_modules/jest/bin/jest.js'], { folder: app });
  });
});

it('writes an adapter in a repository of its own, and tries it with node:test and with vitest', async () => {
  const app = join(folder, 'own-adapter');
  cpSync(join(root, 'examples/own-adapter'), app, { recursive: true });
  const manifest = readFileSync(join(app, 'package.json'), 'utf8');
  // The tarballs have the version of the sources, which the next release will raise.
  writeFileSync(join(app, 'package.json'), manifest.replace('"^1.0.0"', '"*"'));
  await run('npm', ['install', '--no-audit', '--no-fund'], { folder: app, env });
  const printed = await run('npm', ['test'], { folder: app, env });
  expect(printed).toMatch(/[#ℹ] pass \d{3}\n[#ℹ] fail 0/);
  expect(printed).toMatch(/Tests .*\d{3} passed/);
});
