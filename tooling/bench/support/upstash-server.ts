import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fromSources } from './sources.ts';

/** A REST front on Redis in a process of its own. */
export interface UpstashServer {
  readonly url: string;
  readonly token: string;
  /** The HTTP requests and billed commands since the last call. */
  counts(): Promise<{ readonly requests: number; readonly commands: number }>;
  stop(): void;
}

export async function startUpstash(): Promise<UpstashServer> {
  const front = join(import.meta.dirname, 'upstash-front.ts');
  const server = spawn(process.execPath, [...fromSources, front], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const nextLine = async <T>(): Promise<T> => JSON.parse(String((await lines.next()).value)) as T;
  const address = await nextLine<{ url: string; token: string }>();
  return {
    ...address,
    counts: async () => {
      server.stdin.write('\n');
      return await nextLine();
    },
    stop: () => {
      server.stdin.end();
    },
  };
}
