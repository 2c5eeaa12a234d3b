import { inspect } from 'node:util';
import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { staysQuiet } from '@ninefold/tooling/testing/stays-quiet';
import { Cluster } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis-5';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { announce, startCluster } from '../support/cluster.ts';
import { PASSWORD, USER } from '../support/permissions.ts';

let lab: FaultLab;
let seeds: { readonly host: string; readonly port: number }[];
let stop: () => Promise<void>;

beforeAll(async () => {
  const cluster = await startCluster();
  const { nodes } = cluster;
  const proxies = await Promise.all(nodes.map((node) => FaultProxy.start(node)));
  const ports = proxies.map(({ port }) => port);
  await announce(nodes, ports);
  seeds = ports.map((port) => ({ host: '127.0.0.1', port }));
  const behind = cluster.urls.map((url, index) => Object.assign(new URL(url), { port: String(ports[index]) }).href);
  // Maps the announced addresses, which are the proxies', back to the nodes.
  const addresses = nodes.map(({ host, port }) => ({ host, port }));
  const client = new Cluster(addresses, {
    natMap: Object.fromEntries(addresses.map((address, index) => [`127.0.0.1:${ports[index]}`, address])),
    redisOptions: { username: USER, password: PASSWORD, enableReadyCheck: false },
    enableReadyCheck: false,
  });
  lab = {
    create: (options) => redisBackend({ cluster: behind, ...options }),
    direct: (options) => redisBackend({ client, ...options }),
    set: async (fault) => {
      await Promise.all(proxies.map((proxy) => proxy.set(fault)));
    },
    inspect: (error) => inspect(error, { depth: 9, showHidden: true }),
    secrets: [PASSWORD],
  };
  stop = async () => {
    client.disconnect();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await cluster.stop();
  };
});

afterAll(() => stop());

describe('on faulty connections to the nodes of a Cluster', () => {
  staysQuiet();

  for (const rule of faults) {
    it(`${rule.id}: ${rule.text}`, () => runFaultRule(rule, lab, 'redis in a Cluster'));
  }
});

interface Settings {
  readonly retryDelayOnFailover?: number;
}

const login = { username: USER, password: PASSWORD, enableReadyCheck: false };
const once = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false };
const own = { enableReadyCheck: false, redisOptions: { ...login, ...once } };

const clients: [string, (options: Settings) => Cluster | Cluster5][] = [
  ['6', (options) => new Cluster(seeds, { ...own, ...options })],
  ['5', (options) => new Cluster5(seeds, { ...own, ...options })],
];

describe.each(clients)('a provided Cluster of ioredis %s', (version, make) => {
  /** The outcome of an increment whose reply is lost, and the count. */
  async function countWithLoss(namespace: string, options: Settings): Promise<readonly [unknown, unknown]> {
    const client = make(options);
    client.on('error', () => undefined);
    const backend = redisBackend({ client, namespace, timeoutMs: 5000 });
    try {
      expect(await backend.incr('n')).toBe(1);
      await lab.set({ kind: 'cut', on: 'reply', by: 'rst' });
      const outcome = await backend.incr('n').catch((error: unknown) => error);
      await lab.set(undefined);
      return [outcome, await lab.direct({ namespace }).getValue('n')];
    } finally {
      client.disconnect();
    }
  }

  it('counts an increment twice without retryDelayOnFailover: 0', async () => {
    expect(await countWithLoss(`twice${version}`, {})).toEqual([3, 3]);
  });

  it('counts it once with the settings of the README', async () => {
    const [outcome, counted] = await countWithLoss(`once${version}`, { retryDelayOnFailover: 0 });
    expect(outcome).toMatchObject({ code: 'UNAVAILABLE', maybeApplied: true });
    expect(counted).toBe(2);
  });
});
