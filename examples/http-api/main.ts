// An HTTP API in front of SQLite under load, without a cache and with one.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Cache, createCache } from '@ninefold/cache';
import { memoryBackend } from '@ninefold/memory';
import { openShop } from './database.ts';
import { generateLoad } from './load-generator.ts';
import { createApi } from './server.ts';

const CUSTOMERS = 500;
const ORDERS = 20_000;
const REQUESTS = 2000;

console.log('              queries  hit rate  median latency    99th percentile');
await measure('without cache', undefined);
let [reads, hits] = [0, 0];
const cache = createCache(memoryBackend(), {
  listener: (event) => {
    if (event.operation !== 'getOrSet') return;
    reads += event.keys;
    hits += event.hits ?? 0;
  },
});
await measure('with cache', cache);
await cache.close();

async function measure(title: string, apiCache: Cache | undefined): Promise<void> {
  const shop = await openShop(CUSTOMERS, ORDERS);
  const server = createApi(shop, apiCache).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const { medianMs, p99Ms } = await generateLoad({ url, requests: REQUESTS, customers: CUSTOMERS, concurrency: 20 });
  server.close();
  server.closeAllConnections();
  const rate = apiCache === undefined ? '–' : `${Math.round((100 * hits) / reads)} %`;
  const columns = [
    title.padEnd(13),
    `${shop.queries()}`.padStart(8),
    rate.padStart(9),
    `${medianMs.toFixed(1)} ms`.padStart(15),
    `${p99Ms.toFixed(1)} ms`.padStart(18),
  ];
  console.log(columns.join(' '));
}
