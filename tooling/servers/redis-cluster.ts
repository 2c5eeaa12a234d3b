import { freePort, type ServerProcess } from './process.ts';
import { ask, isInSync, startRedis } from './redis.ts';
import { until } from './until.ts';

export interface RedisClusterOptions {
  readonly primaries: number;
  /** The total number of replicas, assigned to the primaries in turn. */
  readonly replicas?: number | undefined;
  /** Milliseconds of silence after which a node counts as failed; 20,000 by default, for busy machines. */
  readonly nodeTimeoutMs?: number | undefined;
  readonly program?: string | undefined;
  /** Keeps the bus ports that are the default, 10,000 above the others: Redis 6 takes no others. */
  readonly defaultBusPorts?: boolean | undefined;
  /** Appended to the command line of each node. */
  readonly args?: readonly string[] | undefined;
}

export interface RedisCluster {
  /** The primaries, then the replicas, by their roles at the start. Replica `i` follows primary `i % primaries`. */
  readonly nodes: readonly ServerProcess[];
  stop(): Promise<void>;
}

interface Node {
  readonly server: ServerProcess;
  /** The port of the cluster bus. */
  readonly busPort: number;
}

const SLOTS = 16_384;

/** Starts a Redis Cluster. Resolves when every node reports it healthy. The primaries share the slots evenly, in order. */
export async function startRedisCluster(options: RedisClusterOptions): Promise<RedisCluster> {
  const { primaries, replicas = 0 } = options;
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(({ server }) => server.stop()));
  };
  try {
    const starts = Array.from({ length: primaries + replicas }, () => startNode(options));
    for (const start of await Promise.allSettled(starts)) if (start.status === 'fulfilled') nodes.push(start.value);
    await Promise.all(starts);
    await formCluster(nodes, primaries);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: nodes.map(({ server }) => server), stop };
}

async function startNode(options: RedisClusterOptions): Promise<Node> {
  const { nodeTimeoutMs = 20_000, program, defaultBusPorts = false, args = [] } = options;
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)];
  // The default one may be taken.
  const busPort = defaultBusPorts ? undefined : await freePort();
  const bus = busPort === undefined ? [] : ['--cluster-port', String(busPort)];
  const server = await startRedis([...cluster, ...bus, ...args], { program });
  return { server, busPort: busPort ?? server.port + 10_000 };
}

/** Joins independent nodes to a cluster. */
async function formCluster(nodes: readonly Node[], primaries: number): Promise<void> {
  const share = (index: number): number => Math.floor((index * SLOTS) / primaries);
  await Promise.all(
    nodes.slice(0, primaries).map(async ({ server }, index) => {
      const slots = Array.from({ length: share(index + 1) - share(index) }, (_, at) => String(share(index) + at));
      await ask(server, 'CLUSTER', 'ADDSLOTS', ...slots);
      await ask(server, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    }),
  );
  for (const { server } of nodes)
    for (const other of nodes)
      if (other.server !== server)
        await ask(server, 'CLUSTER', 'MEET', other.server.host, String(other.server.port), String(other.busPort));
  await untilEach(nodes, 'every node knows the others', `cluster_known_nodes:${nodes.length}\r`);
  await Promise.all(
    nodes.slice(primaries).map(async ({ server }, index) => {
      const primary = nodes[index % primaries] as Node;
      const id = await ask(primary.server, 'CLUSTER', 'MYID');
      await until('a replica knows its primary', async () => (await ask(server, 'CLUSTER', 'NODES')).includes(id));
      await ask(server, 'CLUSTER', 'REPLICATE', id);
      await until('a replica has the data', () => isInSync(server));
    }),
  );
  await untilEach(nodes, 'the cluster is healthy', 'cluster_state:ok');
  await untilEach(nodes, 'every slot is served', `cluster_slots_ok:${SLOTS}`);
  for (const { server } of nodes)
    await until('every node knows the replicas', async () => {
      const known = await ask(server, 'CLUSTER', 'NODES');
      return known.split(' slave ').length - 1 + known.split(',slave ').length - 1 === nodes.length - primaries;
    });
}

async function untilEach(nodes: readonly Node[], what: string, sign: string): Promise<void> {
  await Promise.all(
    nodes.map(({ server }) => until(what, async () => (await ask(server, 'CLUSTER', 'INFO')).includes(sign))),
  );
}
