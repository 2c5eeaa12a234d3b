import { DriverError } from '@ninefold/core';
import { Redis, type Requester, type UpstashRequest, type UpstashResponse } from '@upstash/redis';
import { foreignResponse, lostRequest, refusedRequest } from './failures.ts';
import { SyncToken } from './sync-token.ts';

/** What the backend uses of `fetch`. The types of `fetch` differ between runtimes and packages. */
export type UpstashFetch = (url: string, init: UpstashRequestInit) => Promise<UpstashFetchResponse>;

export interface UpstashRequestInit {
  readonly method: 'POST';
  readonly headers: Record<string, string>;
  /** A stream on Deno. */
  readonly body: string | ReadableStream<Uint8Array>;
  readonly signal: AbortSignal | null;
  readonly redirect: 'manual';
}

export interface UpstashFetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

export interface RestOptions {
  readonly url: string;
  readonly token: string;
  readonly fetch: UpstashFetch;
}

/** Keeps Next.js from caching responses. Workers with a compatibility date before 2024-11-11 throw for the option. */
const CACHE = 'cache' in (globalThis.Request?.prototype ?? {}) ? ({ cache: 'no-store' } as const) : {};

/** One command's result in the response to a pipeline. */
export interface CommandResult {
  readonly result?: unknown;
  readonly error?: unknown;
}

/**
 * Sends the client's requests with `fetch`, once each. The client's own requester retries, puts the whole command into its
 * errors, shares one signal, and accepts a response of any shape.
 */
export class RestRequester implements Requester {
  readonly #options: RestOptions;
  readonly #syncToken = new SyncToken();
  #signal: AbortSignal | null = null;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  /** Runs `send` and gives its first request this signal. The client calls `request` before it awaits anything. */
  withSignal<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    this.#signal = signal;
    try {
      return send();
    } finally {
      this.#signal = null;
    }
  }

  // Reads the signal synchronously, while `withSignal` runs.
  request<T>(request: UpstashRequest): Promise<UpstashResponse<T>> {
    // The response to a pipeline is a list, whatever the client's type says.
    return this.#send(request, this.#signal) as Promise<never>;
  }

  async #send({ path = [], body }: UpstashRequest, signal: AbortSignal | null): Promise<readonly CommandResult[]> {
    const { url, token, fetch } = this.#options;
    const requestText = JSON.stringify(body);
    const commands = body as readonly (readonly unknown[])[];
    const { sent, update } = this.#syncToken.begin(commands);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'upstash-sync-token': sent,
    };
    let response: UpstashFetchResponse;
    let responseText: string;
    try {
      // Following a redirect would send the token to another address.
      const init = { method: 'POST', headers, signal, redirect: 'manual', ...CACHE, ...bodyOf(requestText) } as const;
      response = await fetch([url, ...path].join('/'), init);
      responseText = await response.text();
    } catch (error) {
      throw lostRequest(error);
    }
    const results = parse(responseText);
    if (!response.ok) throw refusedRequest(response.status, results);
    // For a null among the results, or one too many, the client would throw a TypeError.
    if (!Array.isArray(results) || results.length !== commands.length || results.includes(null))
      throw new DriverError('BACKEND', foreignResponse(response.status));
    update(response.headers.get('upstash-sync-token'));
    return results;
  }
}

/** Upstash's client on our requester, without deserialization. */
export class RestClient extends Redis {
  constructor(requester: RestRequester) {
    super(requester);
    this.opts = { automaticDeserialization: false };
  }
}

/** A stream on Deno, whose fetch repeats any other POST whose reused connection broke: increments would count twice. */
function bodyOf(text: string): Pick<UpstashRequestInit, 'body'> & { readonly duplex?: 'half' } {
  if (!('Deno' in globalThis)) return { body: text };
  const stream = new ReadableStream({
    start(controller): void {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
  return { body: stream, duplex: 'half' };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
