import { HashRing } from 'ketama';
import { Client } from 'memjs';
import { formatAddress } from './addresses.ts';
import { BinaryTransport } from './binary.ts';
import { TrustedServer } from './server.ts';
import type { ServerConfig } from './socket.ts';

/** Points on the ring for each server, in multiples of the library's 50: shares within a few hundredths of each other. */
const WEIGHT = 8;

/** A client of memjs whose servers have our transport, and whose keys stay where they are when a server is added. */
export function ownClient(configs: readonly ServerConfig[]): {
  readonly client: Client;
  readonly servers: readonly TrustedServer[];
} {
  const servers = configs.map((config) => new TrustedServer(config));
  const client = new Client(servers, { retries: 1, logger: { log: () => undefined } });
  const indexes = new Map(configs.map((config, index) => [formatAddress(config), index]));
  const ring = new HashRing([...indexes.keys()].map((node) => ({ node, weight: WEIGHT })));
  const getServer = (key: string): number => indexes.get(ring.getNode(key) as string) as number;
  // memjs counts with a sign, and stops at 2^31.
  const incrSeq = function (this: { seq: number }): void {
    this.seq = (this.seq + 1) >>> 0;
  };
  return { client: Object.assign(client, { getServer, incrSeq }), servers };
}

export function ownTransport(configs: readonly ServerConfig[]): BinaryTransport {
  const { client, servers } = ownClient(configs);
  const channelFor = (key: string) => client.server(key) as TrustedServer;
  return new BinaryTransport(channelFor, () => {
    for (const server of servers) server.close();
  });
}
