import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMemcached } from '@ninefold/tooling/servers/memcached';
import { expect, it } from 'vitest';
import { memcachedBackend } from '../../src/memcached.ts';

/** Seconds of the monotonic clock, which memcached has too. */
const now = (): number => Number(process.hrtime.bigint()) / 1e9;

it('an entry lives for its TTL though the server’s clock jumps by two seconds', async () => {
  const server = await startMemcached();
  const socket = connect({ port: server.port, host: server.host, noDelay: true });
  const ask = async (line: string): Promise<string> => {
    socket.write(`${line}\r\n`);
    return String((await once(socket, 'data'))[0]);
  };
  const seconds = async (): Promise<number> => Number(/STAT uptime (\d+)/.exec(await ask('stats'))?.[1]);
  /** Waits for the next tick of the server's clock. Returns its time, and our fraction of a second at that moment. */
  const tick = async (): Promise<{ readonly clock: number; readonly phase: number }> => {
    const before = await seconds();
    for (;;) {
      const clock = await seconds();
      if (clock !== before) return { clock, phase: now() % 1 };
      await sleep(1);
    }
  };
  /** Delays the server's next tick, which is due in 100 ms, by some seconds. */
  const delayTick = async (by: number): Promise<void> => {
    const paused = server.pause();
    await sleep(100 + by * 1000);
    server.resume();
    await paused;
  };
  const backend = memcachedBackend({ servers: `${server.host}:${server.port}`, timeoutMs: 10_000 });
  let jumped = false;
  for (let attempt = 0; attempt < 20 && !jumped; attempt++) {
    // To the end of a second, and then over it.
    const { clock, phase } = await tick();
    await sleep(900);
    if (phase < 0.94) {
      await delayTick(0.96 - phase);
      continue;
    }
    await backend.setValue('k', 'v', { ttl: 1 });
    const stored = now();
    await ask('set plain 0 2 1\r\nv');
    await delayTick(1.02 - phase);
    jumped = (await seconds()) === clock + 2 && now() - stored < 1;
    if (!jumped) continue;
    // An entry that another client stored for two seconds is gone within one.
    expect(await ask('get plain')).toBe('END\r\n');
    expect(await backend.getValue('k')).toBe('v');
  }
  expect(jumped).toBe(true);
  socket.destroy();
  await backend.close();
  await server.stop();
});
