import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '@ninefold/core';
import type { Connection } from './connection.ts';
import { connectionFailure, Refusal } from './failures.ts';
import type { CallState, Command, Sender } from './sender.ts';
import { slotOf } from './slot.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface Node {
  readonly address: Address;
  readonly connection: Connection;
  /** Closes the connection, unless it is used again before. Set while the node serves no slot. */
  closing: ReturnType<typeof setTimeout> | undefined;
}

/** Maximum redirects that a command follows; a stable cluster needs at most one. */
const MAX_REDIRECTS = 6;
/** Milliseconds before each redirect after the second, while the nodes do not agree yet. */
const REDIRECT_DELAY_MS = 50;
/** Nodes that are asked for the slot map in parallel. */
const NODES_ASKED_AT_ONCE = 3;
/** Minimum milliseconds between two refreshes of the slot map because of failures or of slots that no node serves. */
const REFRESH_INTERVAL_MS = 100;

/**
 * One connection for each primary of a Redis Cluster, and the slot map that names them. ioredis's own `Cluster` has no
 * timeouts, and resends an increment whose reply was lost.
 */
export class ClusterConnections implements Sender {
  readonly slotOf: (key: string) => number = slotOf;
  /** A node of Valkey 9.1.2 accepts an `MSETEX` of keys whose slots belong, or are migrating, to another node. */
  readonly mayProbe = false;
  readonly #connect: (address: Address) => Connection;
  readonly #seeds: readonly Address[];
  readonly #timeoutMs: number;
  readonly #nodes = new Map<string, Node>();
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

  async send<T>(call: CallState, command: Command<T>): Promise<T | undefined> {
    const slot = slotOf(command.key);
    // Once there is a map, it lacks only slots that no node serves.
    if (this.#primaries[slot] === undefined && (this.#primaries.length === 0 || this.#mayRefresh))
      await this.#refresh();
    let address = this.#primaries[slot];
    if (address === undefined) throw new DriverError('UNAVAILABLE', 'no node serves the slot', { applied: 'no' });
    let asking = false;
    for (let redirects = 0; ; redirects++) {
      const node = this.#nodeAt(address);
      try {
        return await (asking ? node.sendAsking(call, command) : node.send(call, command));
      } catch (error) {
        const to = error instanceof Refusal ? error.redirect : undefined;
        // A node that fails, or whose address is another server's by now, may have lost its slots.
        if (!(error instanceof Refusal) || error.code === 'UNAVAILABLE') this.#refreshSoon();
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
  }

  #nodeAt(address: Address): Connection {
    const name = `${address.host}:${address.port}`;
    let node = this.#nodes.get(name);
    if (node === undefined) {
      if (this.#closed) throw connectionFailure(undefined);
      node = { address, connection: this.#connect(address), closing: undefined };
      this.#nodes.set(name, node);
    } else if (node.closing !== undefined) {
      clearTimeout(node.closing);
      node.closing = undefined;
    }
    return node.connection;
  }

  /** Whether the slot map was not refreshed just now. */
  get #mayRefresh(): boolean {
    return performance.now() - this.#refreshedAt >= REFRESH_INTERVAL_MS;
  }

  /** Refreshes the slot map, which may be stale, unless that was just done. */
  #refreshSoon(): void {
    if (this.#mayRefresh) this.#refresh().catch(() => undefined);
  }

  /** Asks the known nodes for the slot map, a few at a time and in rotation, and takes the first reply. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#updateSlotMap().finally(() => {
      this.#refreshing = undefined;
      this.#refreshedAt = performance.now();
    });
    return this.#refreshing;
  }

  async #updateSlotMap(): Promise<void> {
    const serving = [...this.#nodes.values()].filter(({ closing }) => closing === undefined);
    const candidates = [...serving.map(({ address }) => address), ...this.#seeds];
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
    const reply = await this.#nodeAt(address).send(call, {
      name: 'cluster',
      args: ['SLOTS'],
      key: '',
      read: toSlotRanges,
    });
    const primaries: (Address | undefined)[] = [];
    for (const [first, last, [host, port]] of reply ?? []) {
      // A node that does not know its own address replies with none: it is at the address that was asked.
      const primary = { host: host || address.host, port: Number(port) };
      for (let slot = Number(first); slot <= Number(last); slot++) primaries[slot] = primary;
    }
    // A new or reset node does not know the others.
    if (primaries.length === 0) throw new DriverError('UNAVAILABLE', 'the node knows no slots', { applied: 'no' });
    return primaries;
  }

  /**
   * Drops the nodes that serve no slot any more. Their connections close after `timeoutMs`, when their calls have settled,
   * unless nodes that do not agree yet name them again.
   */
  #dropUnusedNodes(): void {
    // The slots of a range share one address. Naming each of the 16,384 would block the event loop for milliseconds.
    const primaries = [...new Set(this.#primaries)];
    const serving = new Set(primaries.map((address) => address && `${address.host}:${address.port}`));
    for (const [name, node] of this.#nodes) {
      if (serving.has(name)) continue;
      node.closing ??= setTimeout(() => {
        this.#nodes.delete(name);
        node.connection.close();
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

function toSlotRanges(reply: unknown): readonly SlotRange[] {
  const isMap = Array.isArray(reply) && reply.every((range) => Array.isArray(range) && Array.isArray(range[2]));
  if (isMap) return reply as readonly unknown[] as readonly SlotRange[];
  throw new DriverError('BACKEND', 'the reply is not a slot map');
}

/** Parses the `host:port` of a redirect. A missing host is that of the redirecting node. */
function addressOf(text: string, from: Address): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon) || from.host, port: Number(text.slice(colon + 1)) };
}
