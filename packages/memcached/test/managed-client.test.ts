import { startMemcached } from '@ninefold/tooling/servers/memcached';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import type { Client } from 'memjs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { managedClient } from '../src/managed-client.ts';

let server: ServerProcess;
let client: Client;

beforeAll(async () => {
  server = await startMemcached();
});

afterAll(() => server.stop());

function connect(): Client {
  const { host, port } = server;
  return managedClient([{ host, port, tls: undefined, login: undefined, timeoutMs: 2000 }]).client;
}

beforeEach(() => {
  client = connect();
  return () => client.close();
});

it('supports the methods of memjs, over our transport', async () => {
  expect(await client.set('k', 'v', { expires: 60 })).toBe(true);
  expect(await client.add('k', 'other')).toBe(false);
  expect(await client.replace('k', 'w')).toBe(true);
  expect(await client.append('k', '!')).toBe(true);
  expect(await client.touch('k', 60)).toBe(true);
  expect(String((await client.get('k')).value)).toBe('w!');
  expect(await client.increment('n', 5, { initial: 3 })).toEqual({ success: true, value: 3 });
  expect(await client.decrement('n', 1, {})).toEqual({ success: true, value: 2 });
  expect(await client.delete('k')).toBe(true);
  expect((await client.get('k')).value).toBeNull();
  expect(await client.flush()).toEqual({ [`${server.host}:${server.port}`]: true });
});

it('gives each of many calls its own response', async () => {
  const keys = Array.from({ length: 500 }, (_, index) => `many${index}`);
  await Promise.all(keys.map((key) => client.set(key, `of ${key}`)));
  const values = await Promise.all(keys.map((key) => client.get(key)));
  expect(values.map(({ value }) => String(value))).toEqual(keys.map((key) => `of ${key}`));
});

it('counts its calls past 2^31 and 2^32', async () => {
  for (const start of [2 ** 31 - 2, 2 ** 32 - 2]) {
    Object.assign(client, { seq: start });
    for (let call = 0; call < 4; call++) expect(await client.set('k', String(call))).toBe(true);
  }
});

it('rejects the call whose deserializer throws, and no other', async () => {
  await client.set('bad', 'x');
  await client.set('good', 'y');
  const { serialize } = client.serializer;
  client.serializer.serialize = serialize;
  client.serializer.deserialize = (_opcode, value, extras) => {
    if (String(value) === 'x') throw new Error('unreadable');
    return { value, extras };
  };
  try {
    const [bad, good] = await Promise.allSettled([client.get('bad'), client.get('good')]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'unreadable' } });
    expect(String(good.status === 'fulfilled' && good.value.value)).toBe('y');
  } finally {
    client.serializer.deserialize = (_opcode, value, extras) => ({ value, extras });
  }
});
