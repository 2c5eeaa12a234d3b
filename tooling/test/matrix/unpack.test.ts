import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ask, startRedis } from '../../servers/redis.ts';
import { unpackedServer } from '../../servers/unpack.ts';

it.each([
  ['Redis 8', 'redis_version:8.'],
  ['Valkey 8', 'valkey_version:8.'],
  ['Valkey 9', 'valkey_version:9.'],
] as const)('unpacks %s, which runs beside the machine’s own', async (name, version) => {
  const server = await startRedis([], { program: await unpackedServer(name) });
  try {
    expect(await ask(server, 'INFO', 'server')).toContain(version);
  } finally {
    await server.stop();
  }
});

it('unpacks memcached 1.6.38', async () => {
  const { stdout } = await promisify(execFile)(await unpackedServer('memcached 1.6.38'), ['-V']);
  expect(stdout).toContain('1.6.38');
});
