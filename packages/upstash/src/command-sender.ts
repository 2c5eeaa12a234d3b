import { type Call, DriverError } from '@ninefold/core';
import { isKnownRefusal, lostRequest, refusedCommand } from './failures.ts';
import type { CommandResult, RestClient, RestRequester } from './requester.ts';
import { malformedResult } from './results.ts';

/** The commands of a client's pipeline that the backend uses. */
export interface UpstashPipeline {
  mget(keys: string[]): unknown;
  set(key: string, value: string, options?: { px: number }): unknown;
  mset(values: Record<string, string>): unknown;
  exists(key: string): unknown;
  unlink(...keys: string[]): unknown;
  eval(script: string, keys: string[], args: string[]): unknown;
  exec(options: { keepErrors: true }): Promise<unknown>;
}

/** What the backend uses of a `Redis` of `@upstash/redis`, which must be made with `automaticDeserialization: false`. */
export interface UpstashClient {
  pipeline(): UpstashPipeline;
}

/** Adds itself to a pipeline. */
export type Command = (pipeline: UpstashPipeline) => unknown;

export interface CommandSender {
  /** Sends the commands of `calls` as one HTTP request. Resolves a result for each: a `DriverError` for a refused one. */
  send(commands: readonly Command[], calls: readonly Call[]): Promise<readonly unknown[]>;
}

/** Sends commands by our own client, with one attempt per request. */
export class RestCommandSender implements CommandSender {
  readonly #client: RestClient;
  readonly #requester: RestRequester;

  constructor(client: RestClient, requester: RestRequester) {
    this.#client = client;
    this.#requester = requester;
  }

  async send(commands: readonly Command[], calls: readonly Call[]): Promise<readonly unknown[]> {
    const pipeline: UpstashPipeline = this.#client.pipeline();
    for (const add of commands) add(pipeline);
    const run = () => pipeline.exec({ keepErrors: true });
    return resultsOf(await this.#requester.withSignal(signalOf(calls), run), commands.length);
  }
}

/** A signal that aborts as soon as the last call is given up, because the request may still wait for a connection. */
function signalOf(calls: readonly Call[]): AbortSignal {
  const [only] = calls;
  if (only !== undefined && calls.length === 1) return only.signal;
  const controller = new AbortController();
  const watch = (): void => {
    const last = calls.findLast(({ ended }) => !ended);
    if (last === undefined) controller.abort();
    else last.signal.addEventListener('abort', watch);
  };
  watch();
  return controller.signal;
}

/** Sends commands by a provided client, which keeps its own retries and timeouts and is not closed. */
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
    if (Array.isArray(results) && results.some(isBare)) throw tooOld();
    return resultsOf(results, commands.length);
  }
}

function resultsOf(results: unknown, commands: number): readonly unknown[] {
  if (!Array.isArray(results) || results.length !== commands) {
    throw new DriverError('BACKEND', 'the response does not match the request');
  }
  return results.map(({ result, error }: CommandResult) => {
    if (error === undefined) return result;
    // An error that is no text does not say that the command was refused: it may have run.
    return typeof error === 'string' ? refusedCommand(error) : malformedResult();
  });
}

/** Whether a result stands without the object that `keepErrors` puts around it. */
function isBare(result: unknown): boolean {
  return typeof result !== 'object' || Array.isArray(result);
}

/** The error for a client that does not know `keepErrors`: of a failed pipeline it tells one failure, and no results. */
function tooOld(): DriverError {
  return new DriverError('BACKEND', 'the client is too old: it must be of @upstash/redis 1.39 or later');
}

/** What V8 and JavaScriptCore say when the client reads a response that has not the form of a pipeline's. */
const MISREAD =
  /^Cannot (?:destructure|read) propert.*'(?:map|error|result|deserialize)'|^\S+\.map is not a function|^\S+ is not an object \(evaluating '\S+\.(?:map|result|deserialize)'/;

/** The client's messages quote the whole command and the body; only their beginning is free of values. */
function providedClientError(error: unknown): unknown {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' };
  if (name === 'UpstashError') {
    if (/^Command \d+ \[/.test(message)) return tooOld();
    const [refusal = ''] = message.split(', command was:');
    // The client does not tell the status, which may be that of a failure after the command ran.
    return isKnownRefusal(refusal)
      ? refusedCommand(refusal)
      : new DriverError('BACKEND', 'the service failed, or the response is not from Upstash', { cause: { name } });
  }
  if (name === 'UpstashJSONParseError' || (name === 'TypeError' && MISREAD.test(message)))
    return new DriverError('BACKEND', 'the response is not from Upstash', { cause: { name } });
  if (name === 'AbortError' || name === 'TimeoutError')
    return new DriverError('TIMEOUT', 'the client gave up the request', { cause: { name } });
  const { code, message: reason, options } = lostRequest(error);
  // The error is that of the last attempt: an earlier one may have arrived.
  return new DriverError(code, reason, { ...options, applied: 'maybe' });
}
