import { run } from './workspace.ts';

/** Builds all packages before the tests run. */
export async function setup(): Promise<void> {
  await run('turbo', ['run', 'build', '--filter=./packages/*']);
}
