import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Cache } from '@ninefold/cache';
import type { Customer, Shop } from './database.ts';

/** `GET /customers/1` returns a customer; `PUT /customers/1` renames one to the body. A cache saves repeated lookups. */
export function createApi(shop: Shop, cache: Cache | undefined): Server {
  const find = (id: number): Promise<Customer | undefined> =>
    cache === undefined
      ? shop.customer(id)
      : cache.getOrSet(['customer', id], () => shop.customer(id), { ttl: 60, tags: ['customers'] });

  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body?: unknown]> => {
    const id = Number(/^\/customers\/(\d+)$/.exec(request.url ?? '')?.[1]);
    if (Number.isNaN(id)) return [404];
    if (request.method === 'PUT') {
      await shop.rename(id, await textOf(request));
      // Later requests get the new name, even if a load of the old one is in flight.
      await cache?.delete(['customer', id]);
      return [204];
    }
    const customer = await find(id);
    return customer === undefined ? [404] : [200, customer];
  };

  return createServer(async (request, response) => {
    try {
      const [status, body] = await answer(request);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      console.error(error);
      response.writeHead(500).end();
    }
  });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
