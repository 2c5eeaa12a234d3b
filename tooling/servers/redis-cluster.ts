import { freePort } from './free-port.ts';
import type { ServerProcess } from './process.ts';
import { ask, isInSync, startRedis } from './redis.ts';
import { until } from './until.ts';

export interface RedisClusterOptions {
  readonly primaries: number;
  /** The total number of replicas, assigned to the primaries in turn. */
  readonly replicas?: number | undefined;
  /** Milliseconds of silence after which a node counts as failed; 20,000 by default, for busy machines. */
  readonly nodeTimeoutMs?: number | undefined;
  readonly program?: string | undefined;
  /** Appended to the command line of each node. */
  readonly args?: readonly string[] | undefined;
}

export interface RedisCluster {
  /** The primaries, then the replicas, by their roles at the start. Replica `i` follows primary `i % primaries`. */
  readonly nodes: readonly ServerProcess[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;
/** The distance of a node's port for the other nodes from the one for clients. Redis 6 has no option for another. */
const BUS_DISTANCE = 10_000;

/** Starts a Redis Cluster. Resolves when every node reports it healthy. The primaries share the slots evenly, in order. */
export async function startRedisCluster(options: RedisClusterOptions): Promise<RedisCluster> {
  const { primaries, replicas = 0 } = options;
  const nodes: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
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
  return { nodes, stop };
}

async function startNode(options: RedisClusterOptions): Promise<ServerProcess> {
  const { nodeTimeoutMs = 20_000, program, args = [] } = options;
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)];
  return await startRedis([...cluster, ...args], { program, port: await freePort(BUS_DISTANCE) });
}

/** Joins independent nodes to a cluster. */
async function formCluster(nodes: readonly ServerProcess[], primaries: number): Promise<void> {
  const share = (index: number): number => Math.floor((index * SLOTS) / primaries);
  await Promise.all(
    nodes.slice(0, primaries).map(async (node, index) => {
      const slots = Array.from({ length: share(index + 1) - share(index) }, (_, at) => String(share(index) + at));
      await ask(node, 'CLUSTER', 'ADDSLOTS', ...slots);
      await ask(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    }),
  );
  for (const node of nodes)
    for (const other of nodes) if (other !== node) await ask(node, 'CLUSTER', 'MEET', other.host, String(other.port));
  await untilEach(nodes, 'every node knows the others', `cluster_known_nodes:${nodes.length}\r`);
  await Promise.all(
    nodes.slice(primaries).map(async (replica, index) => {
      const id = await ask(nodes[index % primaries] as ServerProcess, 'CLUSTER', 'MYID');
      await until('a replica knows its primary', async () => (await ask(replica, 'CLUSTER', 'NODES')).includes(id));
      await ask(replica, 'CLUSTER', 'REPLICATE', id);
      await until('a replica has the data', () => isInSync(replica));
    }),
  );
  await untilEach(nodes, 'the cluster is healthy', 'cluster_state:ok');
  await untilEach(nodes, 'every slot is served', `cluster_slots_ok:${SLOTS}`);
  for (const node of nodes)
    await until('every node knows the replicas', async () => {
      const known = await ask(node, 'CLUSTER', 'NODES');
      return known.split(' slave ').length - 1 + known.split(',slave ').length - 1 === nodes.length - primaries;
    });
}

async function untilEach(nodes: readonly ServerProcess[], what: string, sign: string): Promise<void> {
  await Promise.all(nodes.map((node) => until(what, async () => (await ask(node, 'CLUSTER', 'INFO')).includes(sign))));
}
