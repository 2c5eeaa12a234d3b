import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '@ninefold/tooling/servers/free-port';
import { CommandReader } from './command-reader.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The commands that crossed to the servers during some work. */
export interface Crossing {
  /** Number of round trips: writes that waited for an earlier reply, including the first. */
  readonly trips: number;
  /** The commands to each server in order: the name in capitals and the number of arguments. */
  readonly commands: readonly (readonly string[])[];
  /** Number of chunks in which the bytes arrived, over all servers. */
  readonly pieces: number;
}

interface Link {
  readonly client: Socket;
  readonly reader: CommandReader;
  held: Buffer[];
}

/** Commands that clients send on their own, which are not counted. */
const OWN = new Set(['HELLO', 'AUTH', 'CLIENT', 'CLUSTER', 'INFO', 'READONLY', 'SELECT', 'PING']);
/** Milliseconds without a byte after which a client is taken to wait for a reply. */
const QUIET_MS = 30;

/**
 * Proxies before servers, which count commands and round trips. Replies of all servers are held back until no client sends
 * more without one, so that everything sent in parallel is one trip.
 */
export class Wire {
  readonly ports: readonly number[];
  readonly #servers: readonly Server[];
  readonly #links = new Set<Link>();
  #commands: string[][];
  #pieces = 0;
  #trips = 0;
  /** Commands since replies were last let through. */
  #fresh = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(targets: readonly Address[], ports: readonly number[]) {
    this.ports = ports;
    this.#commands = targets.map(() => []);
    this.#servers = targets.map((target, index) => createServer((client) => this.#link(client, target, index)));
  }

  static async start(...targets: readonly Address[]): Promise<Wire> {
    const wire = new Wire(targets, await Promise.all(targets.map(() => freePort())));
    const listen = (server: Server, index: number): Promise<void> =>
      new Promise((resolve) => server.listen(wire.ports[index], '127.0.0.1', resolve));
    await Promise.all(wire.#servers.map(listen));
    return wire;
  }

  /** Runs `work` and returns what crossed meanwhile. */
  async during(work: () => Promise<unknown>): Promise<Crossing> {
    this.#commands = this.#commands.map(() => []);
    this.#pieces = 0;
    this.#trips = 0;
    this.#fresh = 0;
    await work();
    return { trips: this.#trips, commands: this.#commands, pieces: this.#pieces };
  }

  async stop(): Promise<void> {
    for (const { client } of this.#links) client.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    clearTimeout(this.#timer);
  }

  #link(client: Socket, target: Address, index: number): void {
    const server = connect({ ...target, noDelay: true });
    client.setNoDelay(true);
    const link: Link = { client, reader: new CommandReader(), held: [] };
    this.#links.add(link);
    client.on('data', (bytes) => {
      const commands = link.reader.read(bytes).filter((command) => !OWN.has(command.split(' ')[0] as string));
      this.#commands[index]?.push(...commands);
      this.#fresh += commands.length;
      if (commands.length > 0 || !link.reader.isBetween) this.#pieces += 1;
      this.#wait();
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      link.held.push(bytes);
      this.#wait();
    });
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(link);
        for (const other of [client, server]) other.destroy();
      });
    }
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#answer(), QUIET_MS);
  }

  #answer(): void {
    const links = [...this.#links];
    if (links.every(({ held }) => held.length === 0)) return;
    if (!links.every(({ reader }) => reader.isBetween)) {
      this.#wait();
      return;
    }
    if (this.#fresh > 0) this.#trips += 1;
    this.#fresh = 0;
    for (const link of links) {
      for (const bytes of link.held) link.client.write(bytes);
      link.held = [];
    }
  }
}
