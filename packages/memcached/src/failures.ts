import { type CacheErrorCode, DriverError } from '@ninefold/core';
import { Status } from './protocol.ts';

interface Meaning {
  readonly code: CacheErrorCode;
  readonly reason: string;
}

const MEANINGS: Readonly<Record<number, Meaning>> = {
  [Status.tooLarge]: { code: 'TOO_LARGE', reason: 'the value is larger than the server takes; the old value is gone' },
  [Status.authError]: { code: 'AUTH', reason: 'the server requires a user name and password, or other ones' },
  [Status.outOfMemory]: { code: 'BACKEND', reason: 'the server is out of memory' },
  [Status.busy]: { code: 'UNAVAILABLE', reason: 'the server is busy' },
  [Status.temporaryFailure]: { code: 'UNAVAILABLE', reason: 'the server has a temporary failure' },
};

/** The error of a request whose status is a failure: the server did not execute it. */
export function refusedRequest(status: number): DriverError {
  const code = `0x${status.toString(16).padStart(4, '0')}`;
  const meaning = MEANINGS[status] ?? { code: 'BACKEND', reason: `the server refused (status ${code})` };
  const cause = { name: 'MemcachedError', code };
  return new DriverError(meaning.code, meaning.reason, { applied: 'no', cause });
}

/** The error of a login whose status is a failure. `applied`: what became of the request that waited for it. */
export function refusedLogin(status: number, applied: 'no' | 'maybe' = 'no'): DriverError {
  const code = MEANINGS[status]?.code;
  if (code === 'UNAVAILABLE' || code === 'BACKEND') return refusedRequest(status);
  const cause = { name: 'MemcachedError', code: `0x${status.toString(16).padStart(4, '0')}` };
  const reason =
    status === Status.unknownCommand
      ? 'the server does not support login (SASL): leave out username and password'
      : 'wrong user name or password';
  return new DriverError('AUTH', reason, { applied, cause });
}

/** The error of a server that sent text instead of a response to the first frame. Nothing else was sent to it. */
export function refusedHandshake(text: string): DriverError {
  if (/too many open connections/i.test(text)) {
    return new DriverError('UNAVAILABLE', 'the server has too many connections', { applied: 'no' });
  }
  const reason = /^(ERROR|CLIENT_ERROR|SERVER_ERROR)\b/.test(text)
    ? 'the server speaks only memcached’s text protocol; this adapter needs the binary one (memcached -B auto or binary, without -Y)'
    : 'the server is not a memcached that speaks the binary protocol';
  return new DriverError('BACKEND', reason, { applied: 'no' });
}

/** The error of options that Node refuses before it connects. */
export function invalidConnectOptions(error: unknown): DriverError {
  const code = systemCode(error);
  const reason = `the connection options cannot be used (${code ?? 'Node refuses them'}): check tls`;
  const cause = { name: 'Error', code };
  return new DriverError('BACKEND', reason, { applied: 'no', cause });
}

/** The error of a bug in this adapter, as opposed to a failure of the server. */
export function unexpectedError(error: unknown): DriverError {
  const name = error instanceof Error ? error.name : typeof error;
  return new DriverError('BACKEND', `the adapter threw ${name}`, { cause: { name, code: systemCode(error) } });
}

interface FailureContext {
  /** The error that ended the connection. */
  readonly error?: unknown;
  /** The connection was without TLS and received nothing: a server that requires TLS ends such a connection. */
  readonly unanswered?: boolean;
}

/** The error of a connection that was not made, or of a request that was not sent. */
export function notConnected(reason: string, { error, unanswered = false }: FailureContext = {}): DriverError {
  const code = systemCode(error);
  const noTlsHint = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? '; the server may not speak TLS' : '';
  const tlsHint = unanswered && (code === undefined || code === 'ECONNRESET') ? '; the server may require TLS' : '';
  const summary = code === undefined ? reason : `cannot be reached (${code})`;
  return new DriverError('UNAVAILABLE', summary + noTlsHint + tlsHint, {
    applied: 'no',
    cause: code === undefined ? undefined : { name: 'Error', code },
  });
}

/** The error of a connection that ended with requests in flight. */
export function connectionLost(reason: string, error?: unknown): DriverError {
  const code = systemCode(error);
  return new DriverError('UNAVAILABLE', code === undefined ? reason : `${reason} (${code})`, {
    connectionLost: true,
    cause: code === undefined ? undefined : { name: 'Error', code },
  });
}

/** The system's error code, which may be that of a rejected certificate. */
function systemCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : undefined;
}
