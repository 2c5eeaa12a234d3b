import { isIP } from 'node:net';
import type { RedisOptions } from 'ioredis';

/**
 * Minimum milliseconds that an attempt to connect may take. With the deadline of calls that are answered in one round trip, no
 * connection to a distant server would ever be made, above all with TLS.
 */
const MIN_ATTEMPT_MS = 500;
/** Share of an attempt that connecting may take. The rest lets a call report why before its deadline. */
const CONNECT_SHARE = 0.9;
/** Milliseconds that a socket may take to close. */
const DISCONNECT_MS = 100;

/** The options of a client. */
export type Settings = RedisOptions & { readonly replyMapping: 'legacy' };

/** Milliseconds that an attempt to connect may take. It goes on after the deadlines of the calls that wait for it. */
export function attemptMsOf(timeoutMs: number): number {
  return Math.max(timeoutMs, MIN_ATTEMPT_MS);
}

/** The user's ioredis options, with those that the contract depends on set over them. */
export function settingsOf(timeoutMs: number, given: RedisOptions): Settings {
  return {
    // Proxies and old servers support RESP2, and nothing here needs more.
    protocol: 2,
    // A server that is loading refuses each call at once, instead of making it wait for its timeout.
    enableReadyCheck: false,
    disableClientInfo: true,
    ...given,
    // Read when the backend is made, like all other options, and not at each connection.
    ...(given.tls && { tls: { ...given.tls } }),
    // The replies of the handshake have the shapes of RESP2, whatever the protocol.
    replyMapping: 'legacy',
    lazyConnect: true,
    // The reply to MONITOR would be taken for that of a call.
    monitor: false,
    // These would end a handshake before the deadline of the call that waits for it.
    commandTimeout: undefined,
    socketTimeout: undefined,
    connectTimeout: Math.ceil(CONNECT_SHARE * attemptMsOf(timeoutMs)),
    disconnectTimeout: DISCONNECT_MS,
    // The next call connects again. A client that connects by itself would make calls wait for its growing pauses.
    retryStrategy: () => null,
  };
}

/**
 * The name by which TLS names the server to itself (SNI), and which ioredis leaves out: proxies in front of managed servers route
 * by it. Addresses are no such names.
 */
export function serverNameOf(host: string, given: string | undefined): string {
  return given ?? (isIP(host) === 0 ? host : '');
}
