import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '@ninefold/core';
import calculateSlot from 'cluster-key-slot';
import type { Connection } from './connection.ts';
import { connectionFailure, Refusal } from './failures.ts';
import type { CallState, Command, Sender } from './sender.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Redirects of one command that are followed; a cluster at rest needs one. */
const MAX_REDIRECTS = 6;
/** Milliseconds before each redirect after the second, for nodes that do not agree yet. */
const REDIRECT_DELAY_MS = 50;
/** Nodes that are asked for the map of slots side by side. */
const NODES_ASKED_AT_ONCE = 3;
/** Milliseconds between two looks at the map that failures give rise to. */
const REFRESH_INTERVAL_MS = 100;

/**
 * One connection for each primary of a Redis Cluster, and the map of slots that names them. The client's own `Cluster` has
 * no time-outs and sends an increment again whose answer was lost.
 */
export class ClusterConnections implements Sender {
  readonly slotOf: (key: string) => number = calculateSlot;
  /** Commands wait for the map of slots, and follow redirects. */
  readonly ready = false;
  /** Any node of Valkey 9.1.2 takes keys by `MSETEX` that are another's, or on their way to another. */
  readonly mayProbe = false;
  readonly #connect: (address: Address) => Connection;
  readonly #seeds: readonly Address[];
  readonly #timeoutMs: number;
  readonly #nodes = new Map<string, { readonly address: Address; readonly connection: Connection }>();
  /** Connections to nodes that serve nothing any more, which may still have answers to come. */
  readonly #draining = new Set<Connection>();
  /** The primary of each slot. */
  #primaries: (Address | undefined)[] = [];
  #refreshing: Promise<void> | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #rotation = 0;
  #closed = false;

  constructor(seeds: readonly Address[], timeoutMs: number, connect: (address: Address) => Connection) {
    this.#seeds = seeds;
    this.#timeoutMs = timeoutMs;
    this.#connect = connect;
  }

  async send(call: CallState, command: Command): Promise<unknown> {
    const slot = calculateSlot(command.key);
    if (this.#primaries[slot] === undefined) await this.#refresh();
    let address = this.#primaries[slot];
    if (address === undefined) throw new DriverError('UNAVAILABLE', 'no node serves the slot', { applied: 'no' });
    let asking = false;
    for (let redirects = 0; ; redirects++) {
      const node = this.#nodeAt(address);
      try {
        return await (asking ? node.sendAsking(call, command) : node.send(call, command));
      } catch (error) {
        const to = error instanceof Refusal ? error.redirect : undefined;
        if (error instanceof DriverError && error.code === 'UNAVAILABLE') this.#refreshSoon();
        if (to === undefined || call.ended) throw error;
        if (redirects === MAX_REDIRECTS)
          throw new DriverError('UNAVAILABLE', 'the nodes do not agree on the slot', { applied: 'no' });
        if (redirects > 1) await sleep(REDIRECT_DELAY_MS);
        address = addressOf(to, address);
        asking = (error as Refusal).kind === 'ASK';
        if (asking) continue;
        this.#primaries[slot] = address;
        this.#refreshSoon();
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of this.#nodes.values()) connection.close();
    for (const connection of this.#draining) connection.close();
  }

  #nodeAt(address: Address): Connection {
    const name = `${address.host}:${address.port}`;
    let node = this.#nodes.get(name);
    if (node === undefined) {
      if (this.#closed) throw connectionFailure(undefined);
      node = { address, connection: this.#connect(address) };
      this.#nodes.set(name, node);
    }
    return node.connection;
  }

  /** The map may be stale: looks at it anew, unless that was just done. */
  #refreshSoon(): void {
    if (performance.now() - this.#refreshedAt >= REFRESH_INTERVAL_MS) this.#refresh().catch(() => undefined);
  }

  /** Asks the known nodes, a few at a time and each time others first, and takes the first answer. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#updateSlotMap().finally(() => {
      this.#refreshing = undefined;
      this.#refreshedAt = performance.now();
    });
    return this.#refreshing;
  }

  async #updateSlotMap(): Promise<void> {
    const candidates = [...[...this.#nodes.values()].map(({ address }) => address), ...this.#seeds];
    let failure: unknown;
    for (let asked = 0; asked < candidates.length; asked += NODES_ASKED_AT_ONCE) {
      const chosen = Array.from({ length: Math.min(NODES_ASKED_AT_ONCE, candidates.length - asked) }, () => {
        this.#rotation += 1;
        return candidates[this.#rotation % candidates.length] as Address;
      });
      try {
        this.#primaries = await Promise.any(chosen.map((address) => this.#fetchSlotMap(address)));
        this.#dropUnusedNodes();
        return;
      } catch (error) {
        failure ??= (error as AggregateError).errors[0];
      }
    }
    throw failure;
  }

  async #fetchSlotMap(address: Address): Promise<(Address | undefined)[]> {
    const call: CallState = { ended: false, sent: false };
    const answer = await this.#nodeAt(address).send(call, { name: 'CLUSTER', args: ['SLOTS'], key: '' });
    if (!Array.isArray(answer)) throw new DriverError('BACKEND', 'the server answered what is no map of slots');
    const primaries: (Address | undefined)[] = [];
    for (const [first, last, [host, port]] of answer as readonly SlotRange[]) {
      // A node that does not know its own address is meant by the one that was used.
      const primary = { host: host || address.host, port: Number(port) };
      for (let slot = Number(first); slot <= Number(last); slot++) primaries[slot] = primary;
    }
    // A node that is new or was reset knows nothing of the others.
    if (primaries.length === 0) throw new DriverError('UNAVAILABLE', 'the node knows of no slots', { applied: 'no' });
    return primaries;
  }

  /** Lets go of connections to nodes that serve no slot any more, once what is on them has had its time. */
  #dropUnusedNodes(): void {
    const serving = new Set(this.#primaries.map((address) => address && `${address.host}:${address.port}`));
    for (const [name, { connection }] of this.#nodes) {
      if (serving.has(name)) continue;
      this.#nodes.delete(name);
      this.#draining.add(connection);
      setTimeout(() => {
        this.#draining.delete(connection);
        connection.close();
      }, this.#timeoutMs).unref();
    }
  }
}

type SlotRange = readonly [
  first: unknown,
  last: unknown,
  primary: readonly [host: string | null, port: unknown],
  ...replicas: readonly unknown[],
];

/** `host:port` of a redirect; without a host, the one that redirects. */
function addressOf(text: string, from: Address): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon) || from.host, port: Number(text.slice(colon + 1)) };
}
