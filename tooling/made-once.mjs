import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The checkout's folder for downloads and generated files, which git ignores. */
export const home = join(import.meta.dirname, '../.tooling');

/**
 * Resolves to the path of a folder that `make` fills once. It appears complete or not at all, even if several processes race.
 * @param {string} name
 * @param {(folder: string) => Promise<void>} make
 * @returns {Promise<string>}
 */
export async function madeOnce(name, make) {
  const folder = join(home, name);
  if (existsSync(folder)) return folder;
  await mkdir(home, { recursive: true });
  const draft = await mkdtemp(join(home, 'draft-'));
  try {
    await make(draft);
    await rename(draft, folder).catch((error) => {
      // Another process was faster. Its folder is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}
