const NEWLINE = '\r\n';

/** Parses the commands that a client sends in RESP, however the bytes are split. */
export class CommandReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Whether the last command is complete. */
  get isBetween(): boolean {
    return this.#rest.length === 0;
  }

  /** The commands that end in these bytes: `MGET 3` is one with three arguments. */
  read(bytes: Buffer): string[] {
    const buffer = Buffer.concat([this.#rest, bytes]);
    const commands: string[] = [];
    let at = 0;
    for (;;) {
      const command = parse(buffer, at);
      if (command === undefined) break;
      commands.push(command.text);
      at = command.next;
    }
    this.#rest = buffer.subarray(at);
    return commands;
  }
}

function parse(buffer: Buffer, start: number): { readonly text: string; readonly next: number } | undefined {
  const head = lineAt(buffer, start, '*');
  if (head === undefined) return undefined;
  let { next } = head;
  let name = '';
  for (let index = 0; index < head.number; index++) {
    const size = lineAt(buffer, next, '$');
    if (size === undefined) return undefined;
    const end = size.next + size.number;
    if (end + NEWLINE.length > buffer.length) return undefined;
    if (index === 0) name = buffer.toString('latin1', size.next, end).toUpperCase();
    next = end + NEWLINE.length;
  }
  return { text: `${name} ${head.number - 1}`, next };
}

function lineAt(
  buffer: Buffer,
  at: number,
  sign: string,
): { readonly number: number; readonly next: number } | undefined {
  const end = buffer.indexOf(NEWLINE, at);
  if (end === -1) return undefined;
  if (buffer[at] !== sign.charCodeAt(0)) throw new Error('the client sent what is no command');
  return { number: Number(buffer.toString('latin1', at + 1, end)), next: end + NEWLINE.length };
}
