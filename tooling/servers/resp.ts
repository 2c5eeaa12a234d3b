import { connect, type Socket } from 'node:net';

/** A reply of Redis. Integers are kept as digits, so that none is rounded; strings are kept as bytes. */
export type Reply =
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'status'; readonly text: string }
  | { readonly type: 'integer'; readonly digits: string }
  | { readonly type: 'string'; readonly bytes: Buffer }
  | { readonly type: 'nil' }
  | { readonly type: 'array'; readonly items: readonly Reply[] };

type Pending = { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void };

/** A RESP2 connection. Client libraries would round large integers. */
export class RespConnection {
  readonly #socket: Socket;
  readonly #pending: Pending[] = [];
  #received: Buffer = Buffer.alloc(0);

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the connection to Redis was closed')));
  }

  /** Sends commands in one write. Resolves to their replies, in order. */
  send(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    const replies = commands.map(
      () => new Promise<Reply>((resolve, reject) => this.#pending.push({ resolve, reject })),
    );
    this.#socket.write(Buffer.concat(commands.map(encode)), (error) => {
      // A connection that is closed already emits nothing more.
      if (error) this.#fail(error);
    });
    return Promise.all(replies);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    for (;;) {
      const parsed = parse(this.#received, at);
      if (parsed === undefined) break;
      at = parsed.next;
      this.#pending.shift()?.resolve(parsed.reply);
    }
    this.#received = this.#received.subarray(at);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}

function encode(command: readonly string[]): Buffer {
  const parts = command.map((argument) => `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`);
  return Buffer.from(`*${command.length}\r\n${parts.join('')}`);
}

/** The reply that begins at `at`, or `undefined` while it is incomplete. */
function parse(buffer: Buffer, at: number): { readonly reply: Reply; readonly next: number } | undefined {
  const end = buffer.indexOf('\r\n', at);
  if (end === -1) return undefined;
  const line = buffer.toString('utf8', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(buffer[at] ?? 0)) {
    case '+':
      return { reply: { type: 'status', text: line }, next };
    case '-':
      return { reply: { type: 'error', message: line }, next };
    case ':':
      return { reply: { type: 'integer', digits: line }, next };
    case '$':
      return parseString(buffer, next, Number(line));
    case '*':
      return parseArray(buffer, next, Number(line));
    default:
      throw new Error('Redis sent a reply that is not RESP2');
  }
}

function parseString(buffer: Buffer, at: number, length: number): ReturnType<typeof parse> {
  if (length === -1) return { reply: { type: 'nil' }, next: at };
  const next = at + length + 2;
  if (next > buffer.length) return undefined;
  return { reply: { type: 'string', bytes: buffer.subarray(at, at + length) }, next };
}

function parseArray(buffer: Buffer, at: number, length: number): ReturnType<typeof parse> {
  if (length === -1) return { reply: { type: 'nil' }, next: at };
  const items: Reply[] = [];
  let next = at;
  for (let index = 0; index < length; index++) {
    const item = parse(buffer, next);
    if (item === undefined) return undefined;
    items.push(item.reply);
    next = item.next;
  }
  return { reply: { type: 'array', items }, next };
}
