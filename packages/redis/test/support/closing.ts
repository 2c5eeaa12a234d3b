import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(import.meta.dirname, '../programs/close-in-fault.ts');
/** Milliseconds in which an idle process ends after its last line, well before the deadline of its calls. */
const EXIT_MS = 10_000;

export interface Closed {
  /** Whether `close` took no longer than it may. */
  readonly inTime: boolean;
  readonly outcomes: readonly string[];
  /** The number of sockets that were left a second later. */
  readonly sockets: number;
  /** `null` if the process did not end by itself. */
  readonly code: number | null;
  /** Anything that it or its libraries wrote to standard error. */
  readonly words: string;
}

/** Runs a process that closes its backend after `fail`. */
export async function closeAfter(
  options: object,
  fail: () => Promise<unknown>,
  mode: 'warm' | 'cold' = 'warm',
): Promise<Closed> {
  const args = ['--conditions=@ninefold/source', '--import', 'tsx', PROGRAM, JSON.stringify(options), mode];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.on('data', (text: Buffer) => {
    words += String(text);
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the program ended early: ${words}`);
    return String(value);
  };
  await line();
  await fail();
  child.stdin.write('go\n');
  const told = JSON.parse(await line()) as Pick<Closed, 'inTime' | 'outcomes' | 'sockets'>;
  const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_MS);
  const [code] = await exited;
  clearTimeout(timer);
  return { ...told, code, words };
}
