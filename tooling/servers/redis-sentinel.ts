import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type ServerProcess, startServer } from './process.ts';
import { ask, defaultProgram, startRedis, startRedisReplica } from './redis.ts';
import { until } from './until.ts';

export interface RedisSentinel {
  /** The name of the primary for the sentinels. */
  readonly name: string;
  /** The primary at the start. A failover exchanges it with `replica`. */
  readonly primary: ServerProcess;
  readonly replica: ServerProcess;
  /** Three, of which two must agree. */
  readonly sentinels: readonly ServerProcess[];
  stop(): Promise<void>;
}

const NAME = 'ninefold';
const SENTINELS = 3;
const QUORUM = 2;
/** Milliseconds of silence after which a server counts as down. */
const DOWN_MS = 1000;
const FAILOVER_MS = 5000;
/** Milliseconds between `INFO` requests and hello messages of a sentinel; 10,000 and 2,000 by default. */
const PERIOD_MS = '500';

/** Starts a primary, a replica and three sentinels. Resolves when each sentinel knows all the others. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const started: ServerProcess[] = [];
  const keep = (server: ServerProcess): ServerProcess => {
    started.push(server);
    return server;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const primary = keep(await startRedis());
    const replica = keep(await startRedisReplica(primary));
    const sentinels: ServerProcess[] = [];
    for (let index = 0; index < SENTINELS; index++) sentinels.push(keep(await startSentinel(primary)));
    await Promise.all(sentinels.map(untilDiscovered));
    return { name: NAME, primary, replica, sentinels, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinel(primary: ServerProcess): Promise<ServerProcess> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'ninefold-sentinel-'));
  const file = join(folder, 'sentinel.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `sentinel monitor ${NAME} ${primary.host} ${primary.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_MS}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_MS}`,
  ];
  // A sentinel rewrites its own configuration file.
  await writeFile(file, `${lines.join('\n')}\n`);
  const ready = (): Promise<boolean> =>
    ask({ host: '127.0.0.1', port }, 'SENTINEL', 'DEBUG', 'info-period', PERIOD_MS, 'publish-period', PERIOD_MS).then(
      () => true,
      () => false,
    );
  return await startServer(defaultProgram(), [file, '--sentinel'], port, ready, folder);
}

async function untilDiscovered(sentinel: ServerProcess): Promise<void> {
  await until('the sentinels know of all', async () => {
    const lines = (await ask(sentinel, 'SENTINEL', 'MASTER', NAME)).split('\n');
    const field = (name: string): string | undefined => lines[lines.indexOf(name) + 1];
    return field('num-slaves') === '1' && field('num-other-sentinels') === String(SENTINELS - 1);
  });
}
