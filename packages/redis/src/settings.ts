import type { RedisOptions } from 'ioredis';

/** Milliseconds between attempts to connect: soon, and never so long that a server that is back is not seen. */
const RETRY_STEP_MS = 50;
const MAX_RETRY_MS = 500;
/** Of the time of a call, what connecting may take: the rest is for saying what could not be reached. */
const CONNECT_SHARE = 0.9;
/** Milliseconds that a socket may take to say goodbye. */
const DISCONNECT_MS = 100;

/** What a client is made of. */
export type Settings = RedisOptions & { readonly replyMapping: 'legacy' };

/** What of the client's settings is ours, because the promises of the contract stand on it. */
export function settingsOf(timeoutMs: number, given: RedisOptions): Settings {
  return {
    // Proxies and old servers speak it, and nothing here needs more.
    protocol: 2,
    // A server that is still loading says so to each call, which is better than to wait for it.
    enableReadyCheck: false,
    disableClientInfo: true,
    ...given,
    // Lists and nulls as they always were, whatever the protocol.
    replyMapping: 'legacy',
    lazyConnect: true,
    // A command that was lost is not sent again, and none waits for a connection out of our sight.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectTimeout: Math.ceil(CONNECT_SHARE * timeoutMs),
    disconnectTimeout: DISCONNECT_MS,
    // Numbers come back wrong within 47 of ±(2^53-1) otherwise.
    stringNumbers: true,
    // Would hold calls back past their deadlines, and give connections up that are well.
    enableAutoPipelining: false,
    commandTimeout: undefined,
    retryStrategy: (attempt: number) => Math.min(attempt * RETRY_STEP_MS, MAX_RETRY_MS),
  };
}
