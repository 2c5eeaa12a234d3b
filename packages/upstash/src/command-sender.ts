import { DriverError } from '@ninefold/core';
import { lostRequest, refusedCommand } from './failures.ts';
import type { CommandResult, RestClient, RestRequester } from './requester.ts';

/** The few commands of a pipeline that a backend uses. */
export interface UpstashPipeline {
  mget(keys: string[]): unknown;
  set(key: string, value: string, options?: { px: number }): unknown;
  mset(values: Record<string, string>): unknown;
  exists(key: string): unknown;
  unlink(...keys: string[]): unknown;
  eval(script: string, keys: string[], args: string[]): unknown;
  exec(options: { keepErrors: true }): Promise<unknown>;
}

/** What a client handed in must have: `Redis` of `@upstash/redis`, made with `automaticDeserialization: false`. */
export interface UpstashClient {
  pipeline(): UpstashPipeline;
}

/** Adds itself to a request. */
export type Command = (pipeline: UpstashPipeline) => unknown;

export interface CommandSender {
  /** Sends commands as one HTTP request. Resolves an answer for each; a refused command's is a `DriverError`. */
  send(commands: readonly Command[], deadline: number): Promise<readonly unknown[]>;
  close(): void;
}

/** Milliseconds between the deadline of the last call in a request and its end. */
const ABORT_DELAY_MS = 50;

export class RestCommandSender implements CommandSender {
  readonly #client: RestClient;
  readonly #requester: RestRequester;
  /** Requests under way. Each has a signal and a timer of its own: on Workers none may be shared. */
  readonly #inFlight = new Set<AbortController>();

  constructor(client: RestClient, requester: RestRequester) {
    this.#client = client;
    this.#requester = requester;
  }

  async send(commands: readonly Command[], deadline: number): Promise<readonly unknown[]> {
    const pipeline: UpstashPipeline = this.#client.pipeline();
    for (const add of commands) add(pipeline);
    const controller = new AbortController();
    // The call itself ends at its deadline; this frees the socket, late enough for an answer that a stall held up.
    let timer = setTimeout(
      () => {
        timer = setTimeout(() => controller.abort(), ABORT_DELAY_MS);
      },
      Math.max(0, deadline - performance.now()),
    );
    this.#inFlight.add(controller);
    try {
      const run = () => pipeline.exec({ keepErrors: true });
      return resultsOf(await this.#requester.withContext({ signal: controller.signal }, run), commands.length);
    } finally {
      clearTimeout(timer);
      this.#inFlight.delete(controller);
    }
  }

  close(): void {
    for (const controller of this.#inFlight) controller.abort();
  }
}

/** A client that the caller made and goes on to own, with its own retries and time-outs. */
export class ProvidedClientSender implements CommandSender {
  readonly #client: UpstashClient;

  constructor(client: UpstashClient) {
    this.#client = client;
  }

  async send(commands: readonly Command[]): Promise<readonly unknown[]> {
    const pipeline = this.#client.pipeline();
    for (const add of commands) add(pipeline);
    let results: unknown;
    try {
      results = await pipeline.exec({ keepErrors: true });
    } catch (error) {
      throw providedClientError(error);
    }
    return resultsOf(results, commands.length);
  }

  close(): void {}
}

function resultsOf(results: unknown, commands: number): readonly unknown[] {
  if (!Array.isArray(results) || results.length !== commands) {
    throw new DriverError('BACKEND', 'the answer does not fit the request');
  }
  return results.map(({ result, error }: CommandResult) =>
    error === undefined ? result : refusedCommand(String(error)),
  );
}

/** The client's messages quote the whole command and the body; only what begins them is safe to interpret. */
function providedClientError(error: unknown): unknown {
  const name = error instanceof Error ? error.name : '';
  if (name === 'UpstashJSONParseError')
    return new DriverError('BACKEND', 'an answer that is none of Upstash', { cause: { name } });
  if (name === 'UpstashError') return refusedCommand((error as Error).message.split(', command was:')[0] ?? '');
  if (name === 'AbortError' || name === 'TimeoutError')
    return new DriverError('TIMEOUT', 'the client gave the request up', { cause: { name } });
  const { code, message, options } = lostRequest(error);
  // Of several attempts it tells of the last: one before it may have arrived.
  return new DriverError(code, message, { ...options, applied: 'maybe' });
}
