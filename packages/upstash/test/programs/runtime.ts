import { tryRules } from '@ninefold/tooling/testing/rules-alone';
import { isCacheError, upstashBackend, upstashCapabilities } from '../../src/upstash.ts';

// Bundled, and run by each runtime: `rules` tries the suite, `increment` counts once when a line comes in.
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const [mode, url = '', token = ''] = process.argv.slice(2);

if (mode === 'rules') {
  const create = (given: object) => upstashBackend({ url, token, timeoutMs: 20_000, ...given });
  say(JSON.stringify(await tryRules({ create, capabilities: upstashCapabilities })));
} else {
  const cache = upstashBackend({ url, token, namespace: 'runtime', timeoutMs: 3000 });
  // A runtime repeats a lost request only on a reused connection.
  await cache.setValue('warm', 1);
  await cache.setValue('warm', 2);
  say('ready');
  process.stdin.once('data', async () => {
    const outcome = await cache
      .incr('lost')
      .catch((error: unknown) => (isCacheError(error) ? error.code : String(error)));
    say(JSON.stringify(outcome));
    await cache.close();
    process.exit(0);
  });
}
