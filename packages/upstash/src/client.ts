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

/** Sends commands as one HTTP request and gives each its answer, or the request's failure to all. */
export interface Commands {
  /** `build` adds the commands. Resolves one result per command, in order; a refused command is a `DriverError` there. */
  send(build: (pipeline: UpstashPipeline) => void, deadline: number): Promise<readonly unknown[]>;
  close(): void;
}

/** Milliseconds between the deadline of the last call in a request and its end. */
const ABORT_AFTER_MS = 50;

export class OwnCommands implements Commands {
  readonly #client: RestClient;
  readonly #requester: RestRequester;
  /** Requests under way. Each has a signal and a timer of its own: on Workers none may be shared. */
  readonly #running = new Set<AbortController>();

  constructor(client: RestClient, requester: RestRequester) {
    this.#client = client;
    this.#requester = requester;
  }

  async send(build: (pipeline: UpstashPipeline) => void, deadline: number): Promise<readonly unknown[]> {
    const pipeline = this.#client.pipeline() as unknown as UpstashPipeline & { length(): number };
    build(pipeline);
    const controller = new AbortController();
    // The call itself ends at its deadline; this frees the socket, late enough for an answer that a stall held up.
    let timer = setTimeout(
      () => {
        timer = setTimeout(() => controller.abort(), ABORT_AFTER_MS);
      },
      Math.max(0, deadline - performance.now()),
    );
    this.#running.add(controller);
    try {
      const run = () => pipeline.exec({ keepErrors: true });
      return resultsOf(await this.#requester.under({ signal: controller.signal }, run), pipeline.length());
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
    }
  }

  close(): void {
    for (const controller of this.#running) controller.abort();
  }
}

/** A client that the caller made and goes on to own, with its own retries and time-outs. */
export class BorrowedCommands implements Commands {
  readonly #client: UpstashClient;

  constructor(client: UpstashClient) {
    this.#client = client;
  }

  async send(build: (pipeline: UpstashPipeline) => void): Promise<readonly unknown[]> {
    const pipeline = this.#client.pipeline();
    build(pipeline);
    try {
      return resultsOf(await pipeline.exec({ keepErrors: true }), undefined);
    } catch (error) {
      throw borrowedFailure(error);
    }
  }

  close(): void {}
}

function resultsOf(answer: unknown, commands: number | undefined): readonly unknown[] {
  if (!Array.isArray(answer) || (commands !== undefined && answer.length !== commands)) {
    throw new DriverError('BACKEND', 'the answer does not fit the request');
  }
  return answer.map(({ result, error }: CommandResult) =>
    error === undefined ? result : refusedCommand(String(error)),
  );
}

/** The client's messages quote the whole command and the body; only what begins them is safe to interpret. */
function borrowedFailure(error: unknown): unknown {
  const name = error instanceof Error ? error.name : '';
  if (name === 'UpstashJSONParseError')
    return new DriverError('BACKEND', 'an answer that is none of Upstash', { cause: { name } });
  if (name === 'UpstashError') return refusedCommand((error as Error).message.split(', command was:')[0] ?? '');
  return lostRequest(error, name === 'AbortError' || name === 'TimeoutError');
}
