import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ask, startRedis } from '../../servers/redis.ts';
import { unpackedServer } from '../../servers/unpack.ts';

it.each([
  ['Redis 6', 'redis_version:6.'],
  ['Redis 8', 'redis_version:8.'],
  ['Valkey 8', 'valkey_version:8.'],
  ['Valkey 9', 'valkey_version:9.'],
] as const)('unpacks %s, which runs next to the installed server', async (name, version) => {
  const server = await startRedis([], { program: await unpackedServer(name) });
  try {
    expect(await ask(server, 'INFO', 'server')).toContain(version);
  } finally {
    await server.stop();
  }
});

it.each(['1.6.9', '1.6.38'] as const)('unpacks memcached %s', async (version) => {
  const { stdout } = await promisify(execFile)(await unpackedServer(`memcached ${version}`), ['-V']);
  expect(stdout.trim()).toBe(`memcached ${version}`);
});
