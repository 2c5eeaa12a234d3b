import { type CacheErrorCode, DriverError, type DriverErrorOptions } from '@ninefold/core';
import { ReplyError } from 'ioredis';

interface Meaning {
  readonly code: CacheErrorCode;
  readonly reason: string;
  /** Set for `BACKEND` only. */
  readonly retryable?: boolean;
  /** Whether the server may have run the command; default `no`. */
  readonly applied?: 'no' | 'maybe';
}

const notReady = (reason: string): Meaning => ({ code: 'UNAVAILABLE', reason });
const clusterNode: Meaning = {
  code: 'BACKEND',
  reason: 'this is a node of a Redis Cluster: give its nodes as `cluster`',
};
const passwordMissing: Meaning = { code: 'AUTH', reason: 'the server requires a password' };
const outOfRange: Meaning = {
  code: 'COUNTER_RANGE',
  reason: 'the result is outside ±(2^53-1); the counter is as it was',
};

/** The meaning of the prefix of an error reply. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  NINEFOLDRANGE: outOfRange,
  UNKNOWN: { code: 'BACKEND', reason: 'the server does not know the command' },
  WRONGTYPE: { code: 'NOT_A_COUNTER', reason: 'the key holds another type' },
  WRONGPASS: { code: 'AUTH', reason: 'wrong user name or password' },
  NOAUTH: passwordMissing,
  NOPERM: { code: 'AUTH', reason: 'the user lacks a permission' },
  DENIED: {
    code: 'AUTH',
    reason: 'the server is in protected mode: without a password it serves only its own machine',
  },
  LOADING: notReady('the server is loading its data'),
  MASTERDOWN: notReady('the replica has lost its primary'),
  CLUSTERDOWN: notReady('the cluster is down'),
  BUSY: notReady('the server is busy with a script'),
  MOVED: clusterNode,
  ASK: clusterNode,
  OOM: { code: 'BACKEND', reason: 'the server is out of memory' },
  READONLY: { code: 'BACKEND', reason: 'the server is a read-only replica', retryable: true },
  MISCONF: { code: 'BACKEND', reason: 'the server cannot write to its disk' },
  NOREPLICAS: { code: 'BACKEND', reason: 'the server has too few replicas to write', retryable: true },
};

/** The meaning of an error reply whose prefix is ERR or missing, by its text. */
const ERR_MEANINGS: readonly (readonly [words: RegExp, meaning: Meaning])[] = [
  [/not an integer or out of range/, { code: 'NOT_A_COUNTER', reason: 'the value is not an integer' }],
  [/increment or decrement would overflow/, outOfRange],
  [
    /Protocol error: invalid bulk length/,
    { code: 'TOO_LARGE', reason: "the value exceeds the server's proto-max-bulk-len" },
  ],
  [/max number of clients/, notReady('the server has too many connections')],
  // Redis refuses long arguments from clients that have not authenticated.
  [/unauthenticated (?:multi)?bulk length/, passwordMissing],
  [/invalid password/i, { code: 'AUTH', reason: 'wrong user name or password' }],
  [
    /can't run this command|ACL failure in script/,
    { code: 'AUTH', reason: 'the user lacks a permission that the script needs: EXISTS, SET or INCRBY' },
  ],
  [/DB index is out of range/, { code: 'BACKEND', reason: 'the server has no such database' }],
  // In Envoy's words, and in those of the operating system that Twemproxy passes on.
  [
    /^(?:upstream failure|ERR (?:(?:Connection|Operation) timed out|Connection reset by peer|Broken pipe|unknown))$/,
    { code: 'UNAVAILABLE', reason: 'the proxy has lost the server', applied: 'maybe' },
  ],
  [/^(?:no upstream host|ERR Connection refused)$/, notReady('the proxy cannot reach the server')],
  [/cluster support disabled/, { code: 'BACKEND', reason: 'the server is not part of a Cluster: give it as `url`' }],
];

/** An error reply: the server did not run the command, unless the reply may be that of a proxy. */
export class Refusal extends DriverError {
  /** The prefix of the error, such as `NOPERM`; `UNKNOWN` for an unknown command, `NUMKEYS` for an invalid number of keys. */
  readonly kind: string;
  /** For `MOVED` and `ASK`: `host:port`. A missing host is that of the node that replied. */
  readonly redirect: string | undefined;
  /** For `NOPERM` and `UNKNOWN`: the command, in lower case; `undefined` if the user lacks access to a key. */
  readonly command: string | undefined;

  constructor(reply: string) {
    // Before Redis 7 the error of a command in a script follows its position in the script.
    const message = reply.replace(/^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/, '');
    const first = /^[A-Z]+\b/.exec(message)?.[0] ?? 'ERR';
    const unknown = /^ERR unknown command ['`](\w+)/.exec(message)?.[1];
    const kind = unknown !== undefined ? 'UNKNOWN' : /^ERR invalid numkeys/.test(message) ? 'NUMKEYS' : first;
    const known = kind === 'ERR' ? ERR_MEANINGS.find(([words]) => words.test(message))?.[1] : MEANINGS[kind];
    const {
      code,
      reason,
      retryable,
      applied = 'no',
    }: Meaning = known ?? {
      code: 'BACKEND',
      reason: `the server refused (${first})`,
      // It may be the word of a proxy that has passed the command on.
      applied: kind === 'ERR' ? 'maybe' : 'no',
    };
    const command = (
      unknown ?? (kind === 'NOPERM' ? /run the '([a-z|]+)/.exec(message)?.[1] : undefined)
    )?.toLowerCase();
    const text = command === undefined ? reason : `${reason}: ${command.toUpperCase()}`;
    super(code, text, { applied, retryable, cause: { name: 'ReplyError', code: first } });
    this.kind = kind;
    this.redirect = /^(?:MOVED|ASK) \d+ (\S*:\d+)/.exec(message)?.[1];
    this.command = command;
  }
}

/** Errors of a TLS handshake with a server without TLS: it waits for the end of the line, or replies in plain text. */
const NO_TLS: ReadonlySet<string | undefined> = new Set(['ETIMEDOUT', 'ERR_SSL_WRONG_VERSION_NUMBER']);

const FOREIGN_PROTOCOL = 'the server does not speak the Redis protocol';

/** ioredis's message if no sentinel led to a primary, with the last sentinel's error. */
const SENTINELS = /^All sentinels are unreachable and retry is disabled\.(?: Last error: (.*))?/;

/** The messages of ioredis 6, ioredis 5 and `ReplyParser` for bytes that are not a reply. */
const UNPARSABLE = /^(?:Unknown RESP type|Protocol error)/;

/** Their message for a byte 21 where a reply begins: it is the type of a TLS alert. */
const TLS_ALERT = /^(?:Unknown RESP type 21 |Protocol error, got (?:"\\u0015"|byte 21$))/;

/** ioredis's message for a command that it neither sent nor queued, because it has no connection. */
const UNSENT = /enableOfflineQueue options is false$/;

/** Its messages for a command that it does not send in its present mode. */
const OTHER_MODE = /^Connection (?:in subscriber|is in monitoring) mode/;

/** Its message when the `commandTimeout` of a provided client has passed. */
const TIMED_OUT = 'Command timed out';

interface Raw {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly stream?: ClientInfo['stream'];
}

/** The parts of a client that say how it connects. Without `tls` options its connection has no TLS. */
interface ClientInfo {
  readonly options?: { readonly tls?: object | undefined; readonly sentinelTLS?: object | undefined };
  /** The present socket, or the last one. */
  readonly stream?: { readonly bytesRead: number; readonly readableEnded: boolean } | undefined;
}

/** The failure of a command. It leaves out the client's own error, which holds the arguments of the command, and of AUTH. */
export function commandFailure(
  error: unknown,
  { mayBeSent = false }: { readonly mayBeSent?: boolean } = {},
): DriverError {
  const { message } = (error ?? {}) as Raw;
  if (isReply(error)) return new Refusal(String(message));
  if (OTHER_MODE.test(String(message)))
    return new DriverError(
      'BACKEND',
      'the client is subscribed or monitors its server: give the cache a duplicate() of it',
      { applied: 'no' },
    );
  if (message === TIMED_OUT) return new DriverError('TIMEOUT', "no reply within the client's commandTimeout");
  if (mayBeSent || !UNSENT.test(String(message))) return connectionLost(error);
  return new DriverError('UNAVAILABLE', 'there is no connection', { applied: 'no', connectionLost: true });
}

/** The failure of a command whose connection ended, by an error if there was one: it may have been executed. */
export function connectionLost(error: unknown, client?: ClientInfo): DriverError {
  const code = codeOf(error);
  const options: DriverErrorOptions = {
    applied: 'maybe',
    connectionLost: true,
    cause: { name: String((error as Raw | undefined)?.name ?? 'Error'), code },
  };
  if (isUnparsable(error)) return new DriverError('BACKEND', FOREIGN_PROTOCOL, options);
  const shown = code === undefined ? '' : ` (${code})`;
  return new DriverError('UNAVAILABLE', `the connection was lost${shown}${tlsHint(error, client)}`, options);
}

/** The failure to make a connection: nothing was sent on it. Without an error, the connection was closed. */
export function connectionFailure(error: unknown, client: ClientInfo = {}): DriverError {
  if (error instanceof DriverError) return error;
  if (error === undefined)
    return new DriverError('UNAVAILABLE', `the connection was closed${tlsHint(error, client)}`, { applied: 'no' });
  const { name, message, cause, stream } = error as Raw;
  if (isReply(error)) return new Refusal(String(message));
  if (isUnparsable(error)) return new DriverError('BACKEND', FOREIGN_PROTOCOL, { applied: 'no' });
  const sentinels = SENTINELS.exec(String(message));
  const lastError = sentinels?.[1] ?? '';
  if (/^(?:NOAUTH|WRONGPASS|NOPERM|DENIED) /.test(lastError)) return new Refusal(lastError);
  if (lastError.startsWith('ERR No such master'))
    return new DriverError('UNAVAILABLE', 'the sentinels know no primary of that name', { applied: 'no' });
  if (lastError.startsWith('ERR unknown command') || isUnparsable(cause))
    return new DriverError('BACKEND', '`sentinels` names a server that is not a sentinel', { applied: 'no' });
  const code = codeOf(error) ?? codeOf(cause);
  const unreachable = sentinels === null ? 'cannot be reached' : 'no sentinel can be reached';
  const withoutCode = sentinels === null ? 'the connection could not be made' : unreachable;
  const reason = code === undefined ? withoutCode : `${unreachable} (${code})`;
  // For sentinels, the client of the last one that was asked.
  const lastClient: ClientInfo =
    sentinels === null ? client : { options: { tls: client.options?.sentinelTLS }, stream };
  const endedBy = lastError === 'Connection is closed.' || isTlsAlert(cause) ? cause : error;
  const hint =
    lastClient.options?.tls !== undefined && NO_TLS.has(code)
      ? '; the server may not speak TLS'
      : tlsHint(endedBy, lastClient);
  return new DriverError('UNAVAILABLE', reason + hint, { applied: 'no', cause: { name: String(name), code } });
}

/**
 * A server that requires TLS closes a plain connection without a byte of reply, or answers it by an alert. After a failover,
 * ioredis closes the connection itself.
 */
function tlsHint(endedBy: unknown, { options, stream }: ClientInfo = {}): string {
  const endedByServer = endedBy === undefined ? stream?.readableEnded === true : codeOf(endedBy) === 'ECONNRESET';
  const refused = (endedByServer && stream?.bytesRead === 0) || isTlsAlert(endedBy);
  return refused && options?.tls === undefined ? '; the server may require TLS' : '';
}

/** Whether the server replied with the error. A provided client may have its own copy of the class; minifiers rename it. */
function isReply(error: unknown): boolean {
  return error instanceof ReplyError || (error as Raw | undefined)?.name === 'ReplyError';
}

/** Whether what was received could not be parsed, other than a TLS alert. */
function isUnparsable(error: unknown): boolean {
  return UNPARSABLE.test(String((error as Raw | undefined)?.message)) && !isTlsAlert(error);
}

function isTlsAlert(error: unknown): boolean {
  return TLS_ALERT.test(String((error as Raw | undefined)?.message));
}

/** The code of a system or TLS error, such as `ECONNRESET` or `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE`. */
function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as Raw;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_/]{2,63}$/.test(code) ? code : undefined;
}
