import { inspect } from 'node:util';
import { faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { certificate } from '@ninefold/tooling/servers/certificate';
import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { startRedis } from '@ninefold/tooling/servers/redis';
import { failureOf } from '@ninefold/tooling/testing/failure-of';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { PASSWORD, USER, userArgs } from '../support/permissions.ts';
import { tryAll } from '../support/try-all.ts';

let server: ServerProcess;
let proxy: FaultProxy;
let ca: string;

beforeAll(async () => {
  server = await startRedis([...userArgs(), '--user', 'default', 'off'], { tls: true });
  proxy = await FaultProxy.start(server);
  ({ ca } = await certificate());
});

afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

const urlOf = (port: number): string => `rediss://${USER}:${PASSWORD}@localhost:${port}`;

tryAll('redis on TLS', (options) => redisBackend({ url: urlOf(server.port), redis: { tls: { ca } }, ...options }));

describe('on a faulty connection with TLS', () => {
  staysQuiet();

  for (const rule of faults) {
    it(`${rule.id}: ${rule.text}`, async () => {
      const lab = {
        create: (options: object) => redisBackend({ url: urlOf(proxy.port), redis: { tls: { ca } }, ...options }),
        direct: (options: object) => redisBackend({ url: urlOf(server.port), redis: { tls: { ca } }, ...options }),
        set: (fault: Parameters<FaultProxy['set']>[0]) => proxy.set(fault),
        inspect: (error: unknown) => inspect(error, { depth: 9, showHidden: true }),
        secrets: [PASSWORD],
      };
      await runFaultRule(rule, lab, 'redis on TLS');
    });
  }
});

describe('a server with TLS', () => {
  it('with a certificate of no known authority is not trusted', async () => {
    const backend = redisBackend({ url: urlOf(server.port) });
    const failure = await failureOf(backend.setValue('k', 's3cretValue'), [PASSWORD, 's3cretValue']);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: false });
    await backend.close();
  });

  it('refuses a wrong password, and a user without permission', async () => {
    for (const login of [`${USER}:wr0ngPassword`, `default:${PASSWORD}`]) {
      const backend = redisBackend({ url: `rediss://${login}@localhost:${server.port}`, redis: { tls: { ca } } });
      expect(await failureOf(backend.getValue('k'), [PASSWORD, 'wr0ngPassword'])).toMatchObject({ code: 'AUTH' });
      await backend.close();
    }
  });
});
