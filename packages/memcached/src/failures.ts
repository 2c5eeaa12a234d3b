import { type CacheErrorCode, DriverError } from '@ninefold/core';
import { Status } from './protocol.ts';

interface Meaning {
  readonly code: CacheErrorCode;
  readonly reason: string;
}

const MEANINGS: Readonly<Record<number, Meaning>> = {
  [Status.tooLarge]: { code: 'TOO_LARGE', reason: 'the value is larger than the server takes; the old value is gone' },
  [Status.notNumeric]: { code: 'NOT_A_COUNTER', reason: 'the value is not an integer' },
  [Status.authError]: { code: 'AUTH', reason: 'the server wants a user name and a password, or others' },
  [Status.outOfMemory]: { code: 'BACKEND', reason: 'the server is out of memory' },
  [Status.busy]: { code: 'UNAVAILABLE', reason: 'the server is busy' },
  [Status.temporaryFailure]: { code: 'UNAVAILABLE', reason: 'the server has a temporary failure' },
};

/** A request that the server answered with something else than success: it did not carry it out. */
export function refusedRequest(status: number): DriverError {
  const code = `0x${status.toString(16).padStart(4, '0')}`;
  const meaning = MEANINGS[status] ?? { code: 'BACKEND', reason: `the server refused (status ${code})` };
  const cause = { name: 'MemcachedError', code };
  return new DriverError(meaning.code, meaning.reason, { applied: 'no', cause });
}

/** What a login was answered. */
export function refusedLogin(status: number): DriverError {
  if (MEANINGS[status]?.code === 'UNAVAILABLE') return refusedRequest(status);
  const cause = { name: 'MemcachedError', code: `0x${status.toString(16).padStart(4, '0')}` };
  const reason =
    status === Status.unknownCommand
      ? 'the server knows no login (SASL): leave username and password out'
      : 'wrong user name or password';
  return new DriverError('AUTH', reason, { applied: 'no', cause });
}

/** What a server said instead of answering the first frame; nothing else has been sent to it. */
export function refusedHandshake(text: string): DriverError {
  if (/too many open connections/i.test(text)) {
    return new DriverError('UNAVAILABLE', 'the server has too many connections', { applied: 'no' });
  }
  const reason = /^(ERROR|CLIENT_ERROR|SERVER_ERROR)\b/.test(text)
    ? 'the server speaks memcached’s text protocol only, and this adapter the binary one (memcached -B auto or binary)'
    : 'what answers is no memcached that speaks the binary protocol';
  return new DriverError('BACKEND', reason, { applied: 'no' });
}

/** A connection that cannot even be begun. */
export function invalidConnectOptions(error: unknown): DriverError {
  const code = systemCode(error);
  const reason = `the options for connecting cannot be used (${code ?? 'Node refuses them'}): look at tls`;
  const cause = { name: 'Error', code };
  return new DriverError('BACKEND', reason, { applied: 'no', cause });
}

/** A fault of this adapter, and not of the server. */
export function unexpectedError(error: unknown): DriverError {
  const name = error instanceof Error ? error.name : typeof error;
  return new DriverError('BACKEND', `the adapter threw ${name}`, { cause: { name, code: systemCode(error) } });
}

interface FailureContext {
  /** What ended the connection. */
  readonly error?: unknown;
  /** It was without TLS, and nothing came: a server that wants TLS ends such a connection. */
  readonly unanswered?: boolean;
}

/** A connection that was not made: nothing was sent on it. */
export function notConnected(reason: string, { error, unanswered = false }: FailureContext = {}): DriverError {
  const code = systemCode(error);
  const speaksNone = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? ', and may speak no TLS' : '';
  const wantsTls = unanswered && (code === undefined || code === 'ECONNRESET') ? '; the server may want TLS' : '';
  const told = code === undefined ? reason : `cannot be reached (${code})`;
  return new DriverError('UNAVAILABLE', told + speaksNone + wantsTls, {
    applied: 'no',
    cause: code === undefined ? undefined : { name: 'Error', code },
  });
}

/** A connection that ended under a request. */
export function connectionLost(reason: string, error?: unknown): DriverError {
  const code = systemCode(error);
  return new DriverError('UNAVAILABLE', code === undefined ? reason : `${reason} (${code})`, {
    connectionLost: true,
    cause: code === undefined ? undefined : { name: 'Error', code },
  });
}

/** The system's own code; that of a certificate that was refused is one, too. */
function systemCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : undefined;
}
