import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from './failure.ts';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
}

/** Reads every package manifest of an installed workspace. Keys are `name@version`, values the parsed JSON files. */
export function readManifests(root: string): ReadonlyMap<string, Manifest> {
  const store = join(root, 'node_modules', '.pnpm');
  const manifests = new Map<string, Manifest>();
  for (const folder of packageFolders(store)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const manifest: Manifest = JSON.parse(readFileSync(file, 'utf8'));
    manifests.set(`${manifest.name}@${manifest.version}`, manifest);
  }
  if (manifests.size === 0) throw new Failure(`no package manifests in ${store}: run "npm start" in the root folder`);
  return manifests;
}

/** pnpm keeps each version of a package in one real folder. The packages beside it are symbolic links, and skipped here. */
function* packageFolders(store: string): Generator<string> {
  for (const installed of subfolders(store)) {
    for (const folder of subfolders(join(installed, 'node_modules'))) {
      if (/@[^/\\]*$/.test(folder)) yield* subfolders(folder);
      else yield folder;
    }
  }
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}
