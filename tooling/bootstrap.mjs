// Runs the repository's commands `start`, `test` and `bench` on a machine that has only Node and npm.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Ninefold needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

// Imported after the check, because an older Node may fail to parse these.
const { Failure, run } = await import('./run.mjs');
const { setUp } = await import('./set-up.mjs');
const { requireServers, test } = await import('./checks.mjs');

const fromSources = ['--conditions=@ninefold/source', '--import', 'tsx'];
/** @type {Readonly<Record<string, (args: readonly string[]) => Promise<number>>>} */
const commands = {
  test,
  async bench(args) {
    requireServers();
    return (await run(process.execPath, [...fromSources, 'tooling/bench/main.ts', ...args])).code;
  },
  start: async (args) => (await run(process.execPath, ['examples/dist/quickstart.js', ...args])).code,
};

const [command = 'start', ...args] = process.argv.slice(2);
try {
  await setUp();
  process.exitCode = await commands[command]?.(args);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  if (command === 'test') console.log('0 passed, 1 failed');
  process.exitCode = error.exitCode;
}
