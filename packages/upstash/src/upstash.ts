import {
  type BackendOptions,
  type CacheBackend,
  type CacheError,
  type Capabilities,
  createBackend,
  invalidOptions,
  type RemoteOptions,
} from '@ninefold/core';
import { type CommandSender, ProvidedClientSender, RestCommandSender, type UpstashClient } from './command-sender.ts';
import { UpstashDriver } from './driver.ts';
import { RestClient, RestRequester, type UpstashFetch } from './requester.ts';

export {
  type BackendOptions,
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  type Capabilities,
  isCacheError,
  type ReadOptions,
  type RemoteOptions,
  type Serializer,
  type ValueType,
  type WriteOptions,
} from '@ninefold/core';
export type { UpstashClient, UpstashPipeline } from './command-sender.ts';
export type { UpstashFetch, UpstashFetchResponse, UpstashRequestInit } from './requester.ts';

/** `maxValueBytes`: a request is limited to 10 MB, in which each quote and backslash of a text takes two bytes. */
export const upstashCapabilities: Capabilities = Object.freeze({
  shared: true,
  atomicIncr: true,
  ttlGranularity: 0.001,
  maxValueBytes: 4_500_000,
});

interface CommonOptions extends RemoteOptions {
  /** Milliseconds after which a call whose I/O is still pending rejects with `TIMEOUT`; default 5,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * UTF-8 bytes of text above which a write rejects with `TOO_LARGE`; default 4,500,000, for plans that allow requests of
   * 10 MB.
   */
  readonly maxValueBytes?: number | undefined;
}

export interface UpstashUrlOptions extends CommonOptions {
  /** The database's REST address, `https://….upstash.io`. */
  readonly url: string | undefined;
  /** The database's REST token. */
  readonly token: string | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: UpstashFetch | undefined;
  readonly client?: undefined;
}

export interface UpstashClientOptions extends CommonOptions {
  /**
   * A `Redis` of `@upstash/redis`, made with `automaticDeserialization: false`. It is used as it is, with its own retries:
   * an increment is certain to count once only with `retry: { retries: 0 }`.
   */
  readonly client: UpstashClient;
  readonly url?: undefined;
  readonly token?: undefined;
  readonly fetch?: undefined;
}

export type UpstashBackendOptions = UpstashUrlOptions | UpstashClientOptions;

const DEFAULT_TIMEOUT_MS = 5000;

/** Creates a cache in an Upstash Redis database, over REST. Does no I/O until it is used. Throws `INVALID_OPTIONS`. */
export function upstashBackend(options: UpstashBackendOptions): CacheBackend {
  const sender = senderOf(options);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxValueBytes = upstashCapabilities.maxValueBytes } = options;
  if (!Number.isSafeInteger(maxValueBytes) || (maxValueBytes ?? 0) <= 0) {
    throw invalid(options, 'maxValueBytes must be a whole number of bytes above 0');
  }
  const driver = new UpstashDriver(sender, { ...upstashCapabilities, maxValueBytes });
  return createBackend(driver, { ...options, timeoutMs });
}

function senderOf(options: UpstashBackendOptions): CommandSender {
  if (typeof options !== 'object' || options === null)
    throw invalid({}, 'options must be an object: { url, token } or { client }');
  if (options.client !== undefined) {
    if (options.url !== undefined || options.token !== undefined)
      throw invalid(options, 'give { url, token } or { client }, not both');
    if (options.fetch !== undefined) throw invalid(options, 'client keeps its own settings: leave out fetch');
    return new ProvidedClientSender(checkClient(options));
  }
  const { url, token } = options;
  if (typeof url !== 'string' || url === '') throw invalid(options, 'url is missing: the REST address of the database');
  if (!isHttpUrl(url))
    throw invalid(options, 'url must be an http(s) address without login, query or spaces: the REST address');
  if (typeof token !== 'string' || token === '')
    throw invalid(options, 'token is missing: the REST token of the database');
  // A header cannot hold a line break, and the runtime's error would quote the token.
  if (!/^[\x21-\x7e]+$/.test(token)) throw invalid(options, 'token contains a space or an illegal character');
  if (options.fetch !== undefined && typeof options.fetch !== 'function')
    throw invalid(options, 'fetch must be a function such as the global one');
  const fetchOf: UpstashFetch = options.fetch ?? ((...request) => fetch(...request));
  const requester = new RestRequester({ url: url.replace(/\/+$/, ''), token, fetch: fetchOf });
  return new RestCommandSender(new RestClient(requester), requester);
}

function checkClient(options: UpstashClientOptions): UpstashClient {
  const { client } = options;
  if (typeof client?.pipeline !== 'function') throw invalid(options, 'client must be a Redis of @upstash/redis');
  // `opts` is not public, but a client that deserializes turns the text '5' into a number.
  const { opts } = client as { readonly opts?: { readonly automaticDeserialization?: boolean } };
  if (opts?.automaticDeserialization === false) return client;
  throw invalid(options, 'client changes values; make it with automaticDeserialization: false');
}

function isHttpUrl(url: string): boolean {
  // No login; no query or fragment, as a path is appended; no spaces, which `URL` ignores at either end.
  if (!/^https?:\/\/[^\s@?#]+$/i.test(url)) return false;
  try {
    return new URL(url).host !== '';
  } catch {
    return false;
  }
}

function invalid(options: BackendOptions, reason: string): CacheError {
  return invalidOptions('upstash', options, reason);
}
