import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask } from '@ninefold/tooling/servers/redis';
import { type RedisClusterOptions, startRedisCluster } from '@ninefold/tooling/servers/redis-cluster';
import { until } from '@ninefold/tooling/servers/until';
import { CLUSTER_PERMISSIONS, PASSWORD, USER, userArgs } from './permissions.ts';

export interface TestCluster {
  /** URLs of all nodes, with a user who has exactly the permissions of the README. */
  readonly urls: readonly string[];
  readonly nodes: readonly ServerProcess[];
  readonly stop: () => Promise<void>;
}

export async function startCluster(options: RedisClusterOptions = { primaries: 3 }): Promise<TestCluster> {
  const args = userArgs(...CLUSTER_PERMISSIONS.split(' '));
  const { nodes, stop } = await startRedisCluster({ ...options, args });
  const urls = nodes.map(({ host, port }) => `redis://${USER}:${PASSWORD}@${host}:${port}`);
  return { urls, nodes, stop };
}

/** Makes the nodes announce other ports to clients, such as those of proxies. */
export async function announce(nodes: readonly ServerProcess[], ports: readonly number[]): Promise<void> {
  for (const [index, node] of nodes.entries())
    await ask(node, 'CONFIG', 'SET', 'cluster-announce-port', String(ports[index]));
  for (const node of nodes)
    await until('every node is known by its new port', async () => {
      const known = (await ask(node, 'CLUSTER', 'SLOTS')).split('\n');
      return ports.every((port) => known.includes(String(port)));
    });
}

/** The node that owns the slot of `key`. */
export async function ownerOf(nodes: readonly ServerProcess[], key: string): Promise<ServerProcess> {
  for (const node of nodes) {
    const foreign = await ask(node, 'EXISTS', key).then(
      () => false,
      (error: Error) => error.message.startsWith('MOVED'),
    );
    if (!foreign) return node;
  }
  throw new Error(`no node owns the slot of ${key}`);
}

/** Migrates the slot of `key` to another node in steps, as `redis-cli --cluster reshard` does. */
export class SlotMove {
  readonly #nodes: readonly ServerProcess[];
  readonly #slot: string;
  readonly #from: ServerProcess;
  readonly #to: ServerProcess;

  private constructor(nodes: readonly ServerProcess[], slot: string, from: ServerProcess, to: ServerProcess) {
    this.#nodes = nodes;
    this.#slot = slot;
    this.#from = from;
    this.#to = to;
  }

  /** From here on the owner replies ASK for keys that it does not hold, and the other node accepts them after ASKING. */
  static async begin(nodes: readonly ServerProcess[], key: string): Promise<SlotMove> {
    const from = await ownerOf(nodes, key);
    const to = nodes[(nodes.indexOf(from) + 1) % nodes.length] as ServerProcess;
    const slot = await ask(from, 'CLUSTER', 'KEYSLOT', key);
    await ask(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await ask(from, 'CLUSTER', 'MYID'));
    await ask(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await ask(to, 'CLUSTER', 'MYID'));
    return new SlotMove(nodes, slot, from, to);
  }

  /** Migrates these keys, or all that are left. */
  async migrate(keys?: readonly string[]): Promise<void> {
    const left = keys ?? (await ask(this.#from, 'CLUSTER', 'GETKEYSINSLOT', this.#slot, '1000')).split('\n');
    const { host, port } = this.#to;
    if (left[0] !== '') await ask(this.#from, 'MIGRATE', host, String(port), '', '0', '5000', 'KEYS', ...left);
  }

  /** From here on the former owner replies MOVED. */
  async end(): Promise<void> {
    await this.migrate();
    const id = await ask(this.#to, 'CLUSTER', 'MYID');
    for (const node of [this.#to, this.#from, ...this.#nodes])
      await ask(node, 'CLUSTER', 'SETSLOT', this.#slot, 'NODE', id);
    // Otherwise a node could undo the next move, claiming the slot by an epoch that the others do not know.
    await until('the nodes agree on their epochs', () => agree(this.#nodes));
  }
}

/** Whether all nodes know the same epoch of each node. Before that, two of them may claim the same slots. */
export async function agree(nodes: readonly ServerProcess[]): Promise<boolean> {
  return new Set(await Promise.all(nodes.map(epochsOf))).size === 1;
}

/** The epochs of all nodes, as one of them knows them. */
async function epochsOf(node: ServerProcess): Promise<string> {
  const lines = (await ask(node, 'CLUSTER', 'NODES')).trim().split('\n');
  const epochs = lines.map((line) => line.split(' ')).map(([id, , , , , , epoch]) => `${id} ${epoch}`);
  return epochs.sort().join();
}
