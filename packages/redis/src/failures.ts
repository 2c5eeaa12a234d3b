import { type CacheErrorCode, DriverError, type DriverErrorOptions } from '@ninefold/core';

interface Meaning {
  readonly code: CacheErrorCode;
  readonly reason: string;
  /** Of `BACKEND`. */
  readonly retryable?: boolean;
}

const notReady = (reason: string): Meaning => ({ code: 'UNAVAILABLE', reason });
const clusterNode: Meaning = {
  code: 'BACKEND',
  reason: 'this is a node of a Redis Cluster; name its nodes in `cluster`',
};
const passwordMissing: Meaning = { code: 'AUTH', reason: 'the server wants a password' };
const outOfRange: Meaning = {
  code: 'COUNTER_RANGE',
  reason: 'the result is outside ±(2^53-1); the counter is as it was',
};

/** What the first word of an error of the server means. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  NINEFOLDRANGE: outOfRange,
  UNKNOWN: { code: 'BACKEND', reason: 'the server does not know the command' },
  WRONGTYPE: { code: 'NOT_A_COUNTER', reason: 'the key holds another type' },
  WRONGPASS: { code: 'AUTH', reason: 'wrong user name or password' },
  NOAUTH: passwordMissing,
  NOPERM: { code: 'AUTH', reason: 'the user lacks a permission' },
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

/** Errors of the server that begin with ERR and need a look at what follows. */
const ERR_MEANINGS: readonly (readonly [words: RegExp, meaning: Meaning])[] = [
  [/not an integer or out of range/, { code: 'NOT_A_COUNTER', reason: 'the value is no integer' }],
  [/increment or decrement would overflow/, outOfRange],
  [/max number of clients/, notReady('the server has too many connections')],
  // What is long is not read from whom it does not know.
  [/unauthenticated (?:multi)?bulk length/, passwordMissing],
  [/no password is set|without any password/i, { code: 'AUTH', reason: 'the server has no password: leave it out' }],
  [/invalid password/i, { code: 'AUTH', reason: 'wrong user name or password' }],
  [
    /can't run this command|ACL failure in script/,
    { code: 'AUTH', reason: 'the user may not run all that the script runs: EXISTS, SET, INCRBY' },
  ],
  [/DB index is out of range/, { code: 'BACKEND', reason: 'the server has no such database' }],
  [/cluster support disabled/, { code: 'BACKEND', reason: 'the server belongs to no cluster; name it in `url`' }],
];

/** A command that the server did not run. */
export class Refusal extends DriverError {
  /** The first word of its error, such as `NOPERM`; `UNKNOWN` for a command that it does not know, `NUMKEYS` for no keys. */
  readonly kind: string;
  /** Of `MOVED` and `ASK`: `host:port`, where the host may be missing and is then the one that answered. */
  readonly redirect: string | undefined;
  /** Of `NOPERM` and `UNKNOWN`: the command; `undefined` where it is a key that the user may not use. */
  readonly command: string | undefined;

  constructor(answer: string) {
    // Before Redis 7 what a script's command was refused for stands behind the place in the script.
    const message = answer.replace(/^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/, '');
    const first = /^[A-Z]+\b/.exec(message)?.[0] ?? 'ERR';
    const unknown = /^ERR unknown command ['`](\w+)/.exec(message)?.[1];
    const kind = unknown !== undefined ? 'UNKNOWN' : /^ERR invalid numkeys/.test(message) ? 'NUMKEYS' : first;
    const inner = kind === 'ERR' ? ERR_MEANINGS.find(([words]) => words.test(message))?.[1] : undefined;
    const { code, reason, retryable } = inner ??
      MEANINGS[kind] ?? { code: 'BACKEND', reason: `the server refused (${first})` };
    const command = (
      unknown ?? (kind === 'NOPERM' ? /run the '([a-z]+)/.exec(message)?.[1] : undefined)
    )?.toUpperCase();
    const text = command === undefined ? reason : `${reason}: ${command}`;
    super(code, text, { applied: 'no', retryable, cause: { name: 'ReplyError', code: first } });
    this.kind = kind;
    this.redirect = /^(?:MOVED|ASK) \d+ (\S*:\d+)/.exec(message)?.[1];
    this.command = command;
  }
}

/** How a server that speaks no TLS takes its greeting: it waits for the end of the line, or answers in plain text. */
const NO_TLS: ReadonlySet<string | undefined> = new Set(['ETIMEDOUT', 'ERR_SSL_WRONG_VERSION_NUMBER']);

const STRANGER = 'what answers does not speak the Redis protocol';

/** How the client tells that no sentinel led to a primary, and what the last of them said to that. */
const SENTINELS = /^All sentinels are unreachable and retry is disabled\.(?: Last error: (.*))?/;

/** What ioredis 6 and 5 say of bytes that are no answer. */
const NO_ANSWER = /^(?:Unknown RESP type|Protocol error)/;

/** How the client tells that it has no connection for a command, and keeps it for none. */
const UNSENT = /enableOfflineQueue options is false$/;

interface Raw {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly stream?: ClientInfo['stream'];
}

/** Of a client: no options of TLS are a connection without. */
interface ClientInfo {
  readonly options?: { readonly tls?: object | undefined; readonly sentinelTLS?: object | undefined };
  /** Its present socket, or the last. */
  readonly stream?: { readonly bytesRead: number } | undefined;
}

interface FailureContext {
  /** What ended the connection, if that is known: the client does not tell it to the commands. */
  readonly connectionError?: unknown;
  /** Whatever the client says. */
  readonly mayBeSent?: boolean;
  readonly client?: ClientInfo;
}

/** What went wrong, without the client's own error: it holds the arguments of the command, and of AUTH. */
export function commandFailure(
  error: unknown,
  { connectionError, mayBeSent = false, client }: FailureContext = {},
): DriverError {
  const { name, message } = (error ?? {}) as Raw;
  if (name === 'ReplyError') return new Refusal(String(message));
  const code = codeOf(error) ?? codeOf(connectionError);
  const unsent = !mayBeSent && UNSENT.test(String(message));
  const lost: DriverErrorOptions = {
    applied: unsent ? 'no' : 'maybe',
    connectionLost: true,
    cause: { name: String(name), code },
  };
  if (isNoAnswer(error) || isNoAnswer(connectionError)) return new DriverError('BACKEND', STRANGER, lost);
  const reason = unsent ? 'there is no connection' : 'the connection was lost';
  const shown = code === undefined ? '' : ` (${code})`;
  return new DriverError('UNAVAILABLE', reason + shown + tlsHint(connectionError, client), lost);
}

/** A connection that could not be made; nothing was sent on it. */
export function connectionFailure(error: unknown, client: ClientInfo = {}): DriverError {
  if (error instanceof DriverError) return error;
  if (error === undefined)
    return new DriverError('UNAVAILABLE', `the connection was closed${tlsHint(error, client)}`, { applied: 'no' });
  const { name, message, cause, stream } = error as Raw;
  if (name === 'ReplyError') return new Refusal(String(message));
  if (isNoAnswer(error)) return new DriverError('BACKEND', STRANGER, { applied: 'no' });
  const sentinels = SENTINELS.exec(String(message));
  const said = sentinels?.[1] ?? '';
  if (/^(?:NOAUTH|WRONGPASS|NOPERM) /.test(said)) return new Refusal(said);
  if (said.startsWith('ERR No such master'))
    return new DriverError('UNAVAILABLE', 'the sentinels know of no such primary', { applied: 'no' });
  if (said.startsWith('ERR unknown command') || isNoAnswer(cause))
    return new DriverError('BACKEND', 'what `sentinels` names is no sentinel', { applied: 'no' });
  const code = codeOf(error) ?? codeOf(cause);
  const reached = sentinels === null ? 'cannot be reached' : 'no sentinel can be reached';
  const unknown = sentinels === null ? 'the connection could not be made' : reached;
  const reason = code === undefined ? unknown : `${reached} (${code})`;
  // Of sentinels, the last that was asked.
  const last: ClientInfo = sentinels === null ? client : { options: { tls: client.options?.sentinelTLS }, stream };
  const endedBy = said === 'Connection is closed.' ? cause : error;
  const hint = last.options?.tls !== undefined && NO_TLS.has(code) ? ', and may speak no TLS' : tlsHint(endedBy, last);
  return new DriverError('UNAVAILABLE', reason + hint, { applied: 'no', cause: { name: String(name), code } });
}

/** A server that wants TLS ends a connection without, and has said nothing on it. */
function tlsHint(endedBy: unknown, { options, stream }: ClientInfo = {}): string {
  const ended = endedBy === undefined || codeOf(endedBy) === 'ECONNRESET';
  return ended && options?.tls === undefined && stream?.bytesRead === 0 ? '; the server may want TLS' : '';
}

function isNoAnswer(error: unknown): boolean {
  return NO_ANSWER.test(String((error as Raw | undefined)?.message));
}

/** Of the system, or of TLS, such as `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED` or `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE`. */
function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as Raw;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_/]{2,63}$/.test(code) ? code : undefined;
}
