import { HashRing } from 'ketama';
import { Client } from 'memjs';
import { formatAddress } from './addresses.ts';
import { BinaryTransport } from './binary.ts';
import { ManagedServer } from './server.ts';
import type { ServerConfig } from './socket.ts';

/** Points on the ring per server, in multiples of the library's 50. The servers' shares differ by a few percent. */
const WEIGHT = 8;

/** A memjs client whose servers use our connections, and whose keys are spread by consistent hashing. */
export function managedClient(configs: readonly ServerConfig[]): {
  readonly client: Client;
  readonly servers: readonly ManagedServer[];
} {
  const servers = configs.map((config) => new ManagedServer(config));
  const client = new Client(servers, { retries: 1, logger: { log: () => undefined } });
  const indexes = new Map(configs.map((config, index) => [formatAddress(config), index]));
  const ring = new HashRing([...indexes.keys()].map((node) => ({ node, weight: WEIGHT })));
  const getServer = (key: string): number => indexes.get(ring.getNode(key) as string) as number;
  // memjs's own counter is signed, and every call throws after 2^31.
  const incrSeq = function (this: { seq: number }): void {
    this.seq = (this.seq + 1) >>> 0;
  };
  return { client: Object.assign(client, { getServer, incrSeq }), servers };
}

export function managedTransport(configs: readonly ServerConfig[]): BinaryTransport {
  const { client, servers } = managedClient(configs);
  const channelFor = (key: string) => client.server(key) as ManagedServer;
  return new BinaryTransport(channelFor, () => {
    for (const server of servers) server.close();
  });
}
