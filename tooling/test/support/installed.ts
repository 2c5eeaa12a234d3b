import { cpSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Registry } from '../../registry/registry.ts';
import { root, run } from './workspace.ts';

/** The folders of all direct and indirect dependencies of packages of the workspace, without our own packages. */
export function installedFor(packages: readonly string[]): readonly string[] {
  const installed = new Map<string, string>();
  for (const name of packages) collect(join(root, name), installed);
  return [...installed.values()];
}

/** Adds the dependencies of packages of the workspace to a registry, as installed here, so that npm downloads nothing. */
export async function addInstalled(registry: Registry, packages: readonly string[], folder: string): Promise<void> {
  for (const [index, place] of installedFor(packages).entries()) {
    const home = join(folder, `installed-${index}`);
    cpSync(place, join(home, 'package'), { recursive: true });
    await run('tar', ['czf', `${home}.tgz`, '-C', home, 'package']);
    registry.add(manifestIn(place), readFileSync(`${home}.tgz`));
  }
}

function collect(place: string, installed: Map<string, string>): void {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifestIn(place);
  // npm installs the peer dependencies of a package, except optional ones.
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
  for (const name of new Set([...Object.keys(dependencies), ...peers])) {
    const found = createRequire(join(place, 'package.json'))
      .resolve.paths(name)
      ?.map((modules) => join(modules, name))
      .find((candidate) => isPackage(candidate));
    if (found === undefined) continue;
    const home = realpathSync(found);
    const { version } = manifestIn(home);
    const id = `${name}@${version}`;
    if (installed.has(id)) continue;
    if (dirname(home) !== join(root, 'packages')) installed.set(id, home);
    collect(home, installed);
  }
}

function isPackage(place: string): boolean {
  try {
    return manifestIn(place).name !== undefined;
  } catch {
    return false;
  }
}

export interface Installed {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export function manifestIn(place: string): Installed {
  return JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
}
