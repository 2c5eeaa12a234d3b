import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CacheBackend } from '@ninefold/core';

/** How another process creates a backend on the same entries. */
export interface Recipe {
  readonly module: string;
  readonly factory: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const packages = join(import.meta.dirname, '../../..');

export function recipe(name: string, options: object): (namespace: string) => Recipe {
  const module = pathToFileURL(join(packages, name, `src/${name}.ts`)).href;
  return (namespace) => ({ module, factory: `${name}Backend`, options: { ...options, namespace } });
}

export async function make({ module, factory, options }: Recipe): Promise<CacheBackend> {
  const adapter = (await import(module)) as Record<string, (options: object) => CacheBackend>;
  return (adapter[factory] as (options: object) => CacheBackend)(options);
}
