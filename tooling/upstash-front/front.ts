import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from '../servers/listen.ts';
import { type Reply, RespConnection } from '../servers/resp.ts';

/**
 * How a request fails. `drop-request` resets the connection before the commands run, `drop-reply` after. `status`,
 * `redirect`, `html`, `empty` and `raw` reply without running them. `cut-body` and `hang-body` send half of the real reply.
 * `hang` never replies; `delay` runs the commands late, at the latest when the front is healed.
 */
export type HttpFault =
  | { readonly kind: 'drop-request' | 'drop-reply' | 'hang' | 'html' | 'empty' | 'cut-body' | 'hang-body' | 'redirect' }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'raw'; readonly body: string; readonly status?: number }
  | { readonly kind: 'delay'; readonly delayMs: number };

export interface FrontOptions {
  /** The Redis server that executes the commands. */
  readonly redis: { readonly host: string; readonly port: number };
  readonly token: string;
}

/** An HTTP request, with the commands that the service would bill. */
export interface LoggedRequest {
  readonly path: string;
  /** The name of each command in upper case. */
  readonly commands: readonly string[];
}

/** 10 MB: the limit of the free and pay-as-you-go plans (Upstash documentation, "Pricing & Limits": max request size). */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024;

const METHODS = new Set(['HEAD', 'GET', 'POST', 'PUT']);

/** Commands that need a connection of their own, which REST requests lack (Upstash documentation, "REST API"). */
const REFUSED = new Set(
  'AUTH HELLO SELECT QUIT RESET CLIENT SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE MONITOR BLPOP BRPOP BLMOVE BRPOPLPUSH BZPOPMIN BZPOPMAX BLMPOP BZMPOP WAIT WATCH UNWATCH MULTI EXEC DISCARD CONFIG SHUTDOWN DEBUG SYNC PSYNC REPLICAOF'.split(
    ' ',
  ),
);

const READS = new Set('GET MGET EXISTS TTL PTTL TYPE STRLEN KEYS SCAN ECHO PING DBSIZE'.split(' '));

/** The REST protocol of Upstash in front of a real Redis server, for tests on the loopback interface. */
export class UpstashFront {
  readonly token: string;
  readonly requests: LoggedRequest[] = [];
  readonly #redis: RespConnection;
  readonly #sockets = new Set<Socket>();
  readonly #faults: { readonly fault: HttpFault; left: number }[] = [];
  readonly #handling = new Set<Promise<void>>();
  /** Keeps idle connections longer than `fetch` does: at the same moment it would end one on which a request is sent. */
  readonly #server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => this.#accept(request, response));
  #healed = new AbortController();
  #writes = 0;

  private constructor(options: FrontOptions) {
    this.token = options.token;
    this.#redis = new RespConnection(options.redis.host, options.redis.port);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: FrontOptions): Promise<UpstashFront> {
    const front = new UpstashFront(options);
    await listen(front.#server);
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Makes the next `times` requests fail; 1 by default. */
  fail(fault: HttpFault, options: { readonly times?: number } = {}): void {
    this.#faults.push({ fault, left: options.times ?? 1 });
  }

  /** Drops the faults that are left, and ends the delays. */
  heal(): void {
    this.#faults.length = 0;
    this.#healed.abort();
    this.#healed = new AbortController();
  }

  /** Resolves when every request received so far, including delayed ones, has been answered or dropped, or hangs for good. */
  async settled(): Promise<void> {
    while (this.#handling.size > 0) await Promise.all(this.#handling);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.heal();
    this.#redis.close();
    // Those that wait for Redis fail now, when no client waits for them.
    await Promise.allSettled(this.#handling);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #nextFault(): HttpFault | undefined {
    const first = this.#faults[0];
    if (first === undefined) return undefined;
    first.left -= 1;
    if (first.left <= 0) this.#faults.shift();
    return first.fault;
  }

  #accept(request: IncomingMessage, response: ServerResponse): void {
    const work = this.#handle(request, response).finally(() => this.#handling.delete(work));
    this.#handling.add(work);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#nextFault();
    if (fault?.kind === 'drop-request') return void request.socket.resetAndDestroy();
    if (fault?.kind === 'hang') return;
    const body = await bodyOf(request);
    if (body === undefined) return;
    if (fault !== undefined && answerByFault(response, fault)) return;
    if (fault?.kind === 'delay')
      await sleep(fault.delayMs, undefined, { signal: this.#healed.signal }).catch(() => undefined);
    const answer = await this.#answer(request, body);
    if (fault?.kind === 'drop-reply') return void request.socket.resetAndDestroy();
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    if (fault?.kind === 'cut-body' || fault?.kind === 'hang-body') {
      response.write(answer.body.slice(0, Math.ceil(answer.body.length / 2)));
      if (fault.kind === 'cut-body') setTimeout(() => request.socket.destroy(), 5);
      return;
    }
    response.end(answer.body);
  }

  async #answer(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const url = new URL(request.url ?? '/', this.url);
    const token = request.headers.authorization?.match(/^Bearer (.*)$/)?.[1] ?? url.searchParams.get('_token');
    if (token !== this.token) return refuse(401, 'WRONGPASS invalid or missing auth token');
    if (!METHODS.has(request.method ?? '')) return refuse(405, 'ERR Method Not Allowed');
    if (body.length > MAX_REQUEST_BYTES) {
      return refuse(400, `ERR max request size exceeded. Limit: ${MAX_REQUEST_BYTES} bytes`);
    }
    const base64 = request.headers['upstash-encoding'] === 'base64';
    const path = url.pathname;
    try {
      if (path === '/pipeline' || path === '/multi-exec') {
        return await this.#many(path, commandsOf(JSON.parse(body.toString()) as unknown), base64);
      }
      const command = path === '/' ? commandOf(JSON.parse(body.toString()) as unknown) : pathCommand(url, body);
      return await this.#one(command, base64);
    } catch (error) {
      if (error instanceof BadRequest || error instanceof SyntaxError)
        return refuse(400, 'ERR failed to parse command');
      throw error;
    }
  }

  async #one(command: readonly string[], base64: boolean): Promise<Answer> {
    this.#log('/', [command]);
    const refusal = refusalOf(command);
    const reply = refusal ?? ((await this.#redis.send([command]))[0] as Reply);
    const headers = this.#syncToken([command]);
    return { status: reply.type === 'error' ? 400 : 200, headers, body: resultOf(reply, base64) };
  }

  async #many(path: string, commands: readonly (readonly string[])[], base64: boolean): Promise<Answer> {
    this.#log(path, commands);
    const refusals = commands.map(refusalOf);
    if (path === '/pipeline') {
      const allowed = commands.filter((_, index) => refusals[index] === undefined);
      const replies = await this.#redis.send(allowed);
      const results = refusals.map((refusal) => resultOf(refusal ?? (replies.shift() as Reply), base64));
      return { status: 200, headers: this.#syncToken(commands), body: `[${results.join(',')}]` };
    }
    const refusal = refusals.find((found) => found !== undefined);
    if (refusal?.type === 'error') return refuse(400, refusal.message);
    const replies = await this.#redis.send([['MULTI'], ...commands, ['EXEC']]);
    const last = replies.at(-1) as Reply;
    if (last.type !== 'array') return refuse(400, last.type === 'error' ? last.message : 'EXECABORT');
    const results = last.items.map((reply) => resultOf(reply, base64));
    return { status: 200, headers: this.#syncToken(commands), body: `[${results.join(',')}]` };
  }

  #log(path: string, commands: readonly (readonly string[])[]): void {
    this.requests.push({ path, commands: commands.map(([name]) => (name ?? '').toUpperCase()) });
  }

  /** A token that advances on writes. The client sends the last one it saw, so that a replica can wait for that write. */
  #syncToken(commands: readonly (readonly string[])[]): Record<string, string> {
    if (commands.some(([name]) => !READS.has((name ?? '').toUpperCase()))) this.#writes += 1;
    return { 'upstash-sync-token': `zone=${this.#writes}` };
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

class BadRequest extends Error {}

function refuse(status: number, error: string): Answer {
  return { status, headers: {}, body: JSON.stringify({ error }) };
}

/** Replies like a proxy, a load balancer or a broken server. Returns whether the fault asked for such a reply. */
function answerByFault(response: ServerResponse, fault: HttpFault): boolean {
  switch (fault.kind) {
    case 'status':
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(JSON.stringify({ error: `ERR status ${fault.status}` }));
      return true;
    case 'redirect':
      response.writeHead(307, { location: 'http://127.0.0.1:1/' });
      response.end();
      return true;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html><body>Please log in</body></html>');
      return true;
    case 'empty':
      response.writeHead(200);
      response.end();
      return true;
    case 'raw':
      response.writeHead(fault.status ?? 200, { 'content-type': 'application/json' });
      response.end(fault.body);
      return true;
    default:
      return false;
  }
}

/** The body of a request; `undefined` if the client disconnected before its end. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch (error) {
    if (request.complete) throw error;
    return undefined;
  }
  return Buffer.concat(chunks);
}

function commandsOf(body: unknown): readonly (readonly string[])[] {
  if (!Array.isArray(body) || body.length === 0) throw new BadRequest();
  return body.map(commandOf);
}

function commandOf(body: unknown): readonly string[] {
  if (!Array.isArray(body) || body.length === 0) throw new BadRequest();
  return body.map((argument: unknown) => {
    if (typeof argument === 'string') return argument;
    if (typeof argument === 'number' || typeof argument === 'boolean') return String(argument);
    throw new BadRequest();
  });
}

/** The command in a path such as `/set/key?PX=60`. The body, if any, is the argument before the query's. */
function pathCommand({ pathname, searchParams }: URL, body: Buffer): readonly string[] {
  const parts = pathname.slice(1).split('/').map(decodeURIComponent);
  const options = [...searchParams].filter(([name]) => name !== '_token').flat();
  return [...parts, ...(body.length === 0 ? [] : [body.toString()]), ...options];
}

function refusalOf(command: readonly string[]): Reply | undefined {
  const name = command[0] ?? '';
  if (!REFUSED.has(name.toUpperCase())) return undefined;
  return { type: 'error', message: `ERR Command is not available: '${name}'` };
}

function resultOf(reply: Reply, base64: boolean): string {
  if (reply.type === 'error') return JSON.stringify({ error: serviceWording(reply.message) });
  return `{"result":${jsonOf(reply, base64)}}`;
}

/** Upstash has its own implementation of Redis, which words this error differently. */
function serviceWording(message: string): string {
  return message.replace('value is not an integer or out of range', 'value is not an int or out of range');
}

function jsonOf(reply: Reply, base64: boolean): string {
  switch (reply.type) {
    case 'nil':
      return 'null';
    case 'integer':
      return reply.digits;
    case 'status':
      return JSON.stringify(base64 && reply.text !== 'OK' ? Buffer.from(reply.text).toString('base64') : reply.text);
    case 'string':
      return JSON.stringify(reply.bytes.toString(base64 ? 'base64' : 'utf8'));
    case 'array':
      return `[${reply.items.map((item) => jsonOf(item, base64)).join(',')}]`;
    case 'error':
      return JSON.stringify(reply.message);
  }
}
