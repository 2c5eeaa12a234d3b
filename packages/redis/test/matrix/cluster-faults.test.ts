import { inspect } from 'node:util';
import { type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { FaultProxy } from '@ninefold/tooling/fault-proxy';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisBackend } from '../../src/redis.ts';
import { announce, startCluster } from '../support/cluster.ts';
import { PASSWORD, USER } from '../support/permissions.ts';
import { staysQuiet } from '../support/stays-quiet.ts';

let lab: FaultLab;
let stop: () => Promise<void>;

beforeAll(async () => {
  const cluster = await startCluster();
  const { nodes } = cluster;
  const proxies = await Promise.all(nodes.map((node) => FaultProxy.start(node)));
  const ports = proxies.map(({ port }) => port);
  await announce(nodes, ports);
  const behind = cluster.urls.map((url, index) => Object.assign(new URL(url), { port: String(ports[index]) }).href);
  // Where the proxies are announced, it goes to the nodes themselves.
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
}, 60_000);

afterAll(() => stop());

describe('on a way to the nodes of a Cluster that fails', () => {
  staysQuiet();

  for (const rule of faults) {
    it(`${rule.id}: ${rule.text}`, () => runFaultRule(rule, lab, 'redis in a Cluster'), 30_000);
  }
});
