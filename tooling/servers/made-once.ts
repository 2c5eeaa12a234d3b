import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The workspace's folder for what is fetched or made once; git ignores it. */
const home = join(import.meta.dirname, '../../.tooling');

/** The path of a folder that `make` fills, unless an earlier run has: whole or not at all, whoever else makes it. */
export async function madeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(home, name);
  if (existsSync(folder)) return folder;
  await mkdir(home, { recursive: true });
  const draft = await mkdtemp(join(home, 'draft-'));
  try {
    await make(draft);
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster, and what it made is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}
