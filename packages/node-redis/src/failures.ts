import { setImmediate as turn } from 'node:timers/promises';
import { type CacheErrorCode, DriverError } from '@ninefold/core';
import {
  BlobError,
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  SimpleError,
  SocketClosedUnexpectedlyError,
  TimeoutError,
} from 'redis';

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
  reason: 'this is a node of a Redis Cluster: use @ninefold/redis',
};

/** The meaning of the prefix of an error reply; any other is `BACKEND`. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  NINEFOLDRANGE: { code: 'COUNTER_RANGE', reason: 'the result is outside ±(2^53-1); the counter is as it was' },
  WRONGTYPE: { code: 'NOT_A_COUNTER', reason: 'the key holds another type' },
  NOTINTEGER: { code: 'NOT_A_COUNTER', reason: 'the value is not an integer' },
  WRONGPASS: { code: 'AUTH', reason: 'wrong user name or password' },
  NOPASS: { code: 'AUTH', reason: 'the server has no password: leave it out' },
  NOAUTH: { code: 'AUTH', reason: 'the server requires a password' },
  NOPERM: { code: 'AUTH', reason: 'the user lacks a permission' },
  DENIED: {
    code: 'AUTH',
    reason: 'the server is in protected mode: without a password it serves only its own machine',
  },
  NOSCRIPTPERM: { code: 'AUTH', reason: 'the user lacks a permission that the script needs: EXISTS, SET or INCRBY' },
  LOADING: notReady('the server is loading its data'),
  MASTERDOWN: notReady('the replica has lost its primary'),
  CLUSTERDOWN: notReady('the cluster is down'),
  TRYAGAIN: notReady('the cluster is moving the keys'),
  BUSY: notReady('the server is busy with a script'),
  MAXCLIENTS: notReady('the server has too many connections'),
  PROXYLOST: { code: 'UNAVAILABLE', reason: 'the proxy has lost the server', applied: 'maybe' },
  PROXYREFUSED: notReady('the proxy cannot reach the server'),
  MOVED: clusterNode,
  ASK: clusterNode,
  CROSSSLOT: clusterNode,
  OOM: { code: 'BACKEND', reason: 'the server is out of memory' },
  NODATABASE: { code: 'BACKEND', reason: 'the server has no such database' },
  READONLY: { code: 'BACKEND', reason: 'the server is a read-only replica', retryable: true },
  MISCONF: { code: 'BACKEND', reason: 'the server cannot write to its disk' },
  NOREPLICAS: { code: 'BACKEND', reason: 'the server has too few replicas to write', retryable: true },
};

/** The kind of an error reply whose prefix is ERR or missing, by its text. */
const ERR_KINDS: readonly (readonly [words: RegExp, kind: string])[] = [
  [/not an integer or out of range/, 'NOTINTEGER'],
  [/increment or decrement would overflow/, 'NINEFOLDRANGE'],
  [/max number of clients/, 'MAXCLIENTS'],
  // Redis refuses long arguments from clients that have not authenticated.
  [/unauthenticated (?:multi)?bulk length/, 'NOAUTH'],
  [/no password is set|without any password/i, 'NOPASS'],
  [/invalid password/i, 'WRONGPASS'],
  // In Envoy's words, and in those of the operating system that Twemproxy passes on.
  [
    /^(?:upstream failure|ERR (?:(?:Connection|Operation) timed out|Connection reset by peer|Broken pipe|unknown))$/,
    'PROXYLOST',
  ],
  [/^(?:no upstream host|ERR Connection refused)$/, 'PROXYREFUSED'],
  [/DB index is out of range/, 'NODATABASE'],
  [/can't run this command|ACL failure in script/, 'NOSCRIPTPERM'],
];

/** Classes of the client's errors by their names. Minifiers give them other names. */
const CLASSES = Object.entries({
  BlobError,
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  SimpleError,
  SocketClosedUnexpectedlyError,
  TimeoutError,
});

/** Classes of the client's errors for a command that it neither sent nor queued, because it has no connection. */
const UNSENT: ReadonlySet<string> = new Set(['ClientOfflineError', 'ClientClosedError']);

/** Errors of a TLS handshake with a server without TLS: it waits for the end of the line, or replies in plain text. */
const NO_TLS: ReadonlySet<string | undefined> = new Set(['ETIMEDOUT', 'ERR_SSL_WRONG_VERSION_NUMBER']);

/** The client's message for a byte 21 where a reply begins: it is the type of a TLS alert. */
const TLS_ALERT = /^Unknown RESP type 21 /;

const FOREIGN_PROTOCOL = 'the server does not speak the Redis protocol';

interface FailureContext {
  /** Whether the command still waited for a client of a pool. */
  readonly waiting?: boolean;
  /** Whether the connection has no TLS, and has brought no reply yet. */
  readonly unanswered?: boolean;
  /** The error that ended the connection, if known: the client need not pass it on to the commands. */
  readonly connectionError?: unknown;
}

/** The failure of a command. It leaves out the client's own error, which may hold the arguments. */
export function commandFailure(
  error: unknown,
  { waiting = false, unanswered = false, connectionError = error }: FailureContext = {},
): DriverError {
  const { className, message } = partsOf(error);
  if (isErrorReply(error)) return refusal(message);
  const unsent = waiting || UNSENT.has(className);
  const { className: name, code } = partsOf(connectionError);
  if (waiting && className === 'TimeoutError')
    return new DriverError('UNAVAILABLE', 'no client of the pool was free', { applied: 'no', cause: { name, code } });
  // The client checks its `commandsQueueMaxLength` before it takes a command.
  if (message === 'The queue is full')
    return new DriverError('UNAVAILABLE', 'the queue of the client is full', { applied: 'no' });
  const lost = { applied: unsent ? 'no' : 'maybe', connectionLost: true, cause: { name, code } } as const;
  if (isUnparsable(connectionError)) return new DriverError('BACKEND', FOREIGN_PROTOCOL, lost);
  const reason = unsent ? 'there is no connection' : 'the connection was lost';
  const shown = code === undefined ? '' : ` (${code})`;
  return new DriverError('UNAVAILABLE', reason + shown + (unanswered ? tlsHint(connectionError) : ''), lost);
}

/**
 * The failure, in a later turn of the event loop if the command may succeed later. Without a connection, or with a full
 * queue, the client rejects commands at once, and callers that repeat them would keep it from connecting or sending.
 */
export async function afterTurn(failure: DriverError): Promise<DriverError> {
  if (failure.code === 'UNAVAILABLE') await turn();
  return failure;
}

/** The failure to make a connection, with TLS if `secure`: nothing was sent on it. */
export function connectionFailure(error: unknown, { secure }: { readonly secure: boolean }): DriverError {
  const { className, message, code } = partsOf(error);
  if (isErrorReply(error)) return refusal(message);
  if (isUnparsable(error)) return new DriverError('BACKEND', FOREIGN_PROTOCOL, { applied: 'no' });
  const reason = code === undefined ? 'the connection could not be made' : `cannot be reached (${code})`;
  const noTlsHint = NO_TLS.has(code) ? '; the server may not speak TLS' : '';
  const hint = secure ? noTlsHint : tlsHint(error);
  return new DriverError('UNAVAILABLE', reason + hint, { applied: 'no', cause: { name: className, code } });
}

/** A server that requires TLS closes a plain connection, or answers it by an alert. */
function tlsHint(error: unknown): string {
  const { className, message, code } = partsOf(error);
  const refused = className === 'SocketClosedUnexpectedlyError' || code === 'ECONNRESET' || TLS_ALERT.test(message);
  return refused ? '; the server may require TLS' : '';
}

/**
 * Reads an error of the client by its class, or by the name of that: the classes do not set `name`, and a provided client
 * may have its own copies of them. The code is a system or TLS error's, such as `ECONNRESET` or
 * `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE`.
 */
function partsOf(error: unknown): { className: string; message: string; code: string | undefined } {
  const thrown = Object(error) as Error & { readonly code?: unknown };
  const className = CLASSES.find(([, known]) => thrown instanceof known)?.[0] ?? thrown.constructor.name;
  const { message, code = className === 'ConnectionTimeoutError' ? 'ETIMEDOUT' : undefined } = thrown;
  const known = typeof code === 'string' && /^[A-Z][A-Z0-9_/]{2,63}$/.test(code);
  return { className, message, code: known ? code : undefined };
}

/** Whether the client could not parse what it received, other than a TLS alert. */
function isUnparsable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Unknown RESP type') && !TLS_ALERT.test(error.message);
}

/** Whether the error is a reply of the server, not of the client's own making. */
export function isErrorReply(error: unknown): boolean {
  const { className } = partsOf(error);
  return className === 'SimpleError' || className === 'BlobError';
}

function refusal(reply: string): DriverError {
  // Before Redis 7 the error of a command in a script follows its position in the script.
  const message = reply.replace(/^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/, '');
  const first = /^[A-Z]+\b/.exec(message)?.[0] ?? 'ERR';
  const kind = (first === 'ERR' && ERR_KINDS.find(([words]) => words.test(message))?.[1]) || first;
  const {
    code,
    reason,
    retryable,
    applied = 'no',
  }: Meaning = MEANINGS[kind] ?? {
    code: 'BACKEND',
    reason: `the server refused (${kind})`,
    // It may be the word of a proxy that has passed the command on.
    applied: kind === 'ERR' ? 'maybe' : 'no',
  };
  const cause = { name: 'ErrorReply', code: kind };
  const command = kind === 'NOPERM' ? /run the '([a-z]+)/.exec(message)?.[1]?.toUpperCase() : undefined;
  const text = command === undefined ? reason : `${reason}: ${command}`;
  return new DriverError(code, text, { applied, retryable, cause });
}
