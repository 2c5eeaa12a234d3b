import { Redis } from '@upstash/redis';
// Imported by path: the package depends on this one, and turbo cannot build a cycle of packages.
import { upstashBackend } from '../../packages/upstash/src/upstash.ts';
import { defaultProgram } from '../servers/redis.ts';
import { row } from './support/data.ts';
import { bench, repeat } from './support/harness.ts';
import { report, reportVersions } from './support/results.ts';
import { startUpstash } from './support/upstash-server.ts';
import { packageVersions, programVersion } from './support/versions.ts';

const server = await startUpstash();
const { url, token } = server;

const ours = upstashBackend({ url, token, namespace: 'bench', timeoutMs: 30_000 });
/** With default options: automatic pipelining and deserialisation, base64. */
const raw = new Redis({ url, token, enableTelemetry: false });

const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
const hundred = keys.slice(0, 100);
await ours.multiSetValues(keys.map((key) => [key, row] as const));
await raw.mset(Object.fromEntries(keys.map((key) => [key, row])));

/** Counts the HTTP requests and billed commands of a call. */
async function bill(name: string, call: () => Promise<unknown>): Promise<readonly [string, number, number]> {
  await server.counts();
  await call();
  const { requests, commands } = await server.counts();
  console.log(`${name.padEnd(42)} ${String(requests).padStart(6)} requests ${String(commands).padStart(6)} commands`);
  return [name, requests, commands];
}

const parallel = (): Promise<unknown> => Promise.all(keys.map((key) => ours.getValue(key)));
const batch = (): Promise<unknown> => ours.multiGetValues(hundred);
const setBatch = (): Promise<unknown> =>
  ours.multiSetValues(
    hundred.map((key) => [key, row] as const),
    { ttl: 600 },
  );
const rawParallel = (): Promise<unknown> => Promise.all(keys.map((key) => raw.get(key)));
const rawPipeline = (): Promise<unknown> => {
  const pipeline = raw.pipeline();
  for (const key of hundred) pipeline.set(key, row, { ex: 600 });
  return pipeline.exec();
};

reportVersions({ 'redis-server': programVersion(defaultProgram()), ...packageVersions(['@upstash/redis']) });
report({
  title: 'Upstash: what is billed',
  table: {
    head: ['call', 'HTTP requests', 'commands'],
    rows: [
      await bill('ours: 1,000 getValue in parallel', parallel),
      await bill('client: 1,000 get in parallel', rawParallel),
      await bill('ours: multiGetValues of 100', batch),
      await bill('ours: multiSetValues of 100 with a TTL', setBatch),
      await bill('client: pipeline of 100 SET EX', rawPipeline),
    ],
  },
});

await bench('Upstash: against its client, over HTTP to a front on this machine', [
  { name: '1,000 reads in parallel : get', baseline: repeat(rawParallel), ours: repeat(parallel), atMost: 1.15 },
  {
    name: '1,000 reads in parallel : mget',
    baseline: repeat(() => raw.mget(keys)),
    ours: repeat(parallel),
    atMost: 1.15,
  },
  { name: 'batch of 100 reads : mget', baseline: repeat(() => raw.mget(hundred)), ours: repeat(batch), atMost: 1.15 },
  {
    name: 'batch of 100 sets with TTL : pipeline',
    baseline: repeat(rawPipeline),
    ours: repeat(setBatch),
    atMost: 1.15,
  },
  { name: 'one read : get', baseline: repeat(() => raw.get('k1')), ours: repeat(() => ours.getValue('k1')) },
  { name: 'one increment : incr', baseline: repeat(() => raw.incr('n')), ours: repeat(() => ours.incr('n')) },
]);
await ours.close();
server.stop();
