import { expect, it } from 'vitest';
import { certificate } from '../../tooling/servers/certificate.ts';
import { startRedis } from '../../tooling/servers/redis.ts';
import { RespConnection } from '../../tooling/servers/resp.ts';
import { type Outcome, quickstart } from './support/quickstart.ts';

const PASSWORD = 's3cret%20Password';

function expectSuccess({ code, stdout, stderr }: Outcome): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Ninefold on redis: \d+ package manifests/);
  expect(stdout).toMatch(/✓ \d+ manifests came back equal, one by one and in a batch\n$/);
}

it('the quickstart does its nine operations on a redis:// server, and leaves nothing there', async () => {
  const server = await startRedis(['--requirepass', decodeURIComponent(PASSWORD)]);
  try {
    const address = `${server.host}:${server.port}`;
    expectSuccess(await quickstart([`redis://:${PASSWORD}@${address}/1`]));
    const connection = new RespConnection(server.host, server.port);
    const replies = await connection.send([['AUTH', decodeURIComponent(PASSWORD)], ['SELECT', '1'], ['DBSIZE']]);
    connection.close();
    expect(replies.at(-1)).toEqual({ type: 'integer', digits: '0' });
    const { code, stdout, stderr } = await quickstart([`redis://:wr0ngPassword@${address}`]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^\[redis\] multiSetValues "[^\n"]+": [^\n]+\n$/);
    expect(stderr).not.toContain('wr0ngPassword');
  } finally {
    await server.stop();
  }
});

it('the quickstart does its nine operations on a rediss:// server', async () => {
  const server = await startRedis(['--requirepass', decodeURIComponent(PASSWORD)], { tls: true });
  try {
    const { file } = await certificate();
    const env = { NODE_EXTRA_CA_CERTS: file };
    expectSuccess(await quickstart([`rediss://:${PASSWORD}@localhost:${server.port}`], env));
  } finally {
    await server.stop();
  }
});
