import { type CacheErrorCode, DriverError, type DriverErrorOptions } from '@ninefold/core';

/** The meanings of the service's error messages. Order matters: the first match counts. */
const MEANINGS: readonly (readonly [pattern: RegExp, code: CacheErrorCode, reason: string, retryable?: boolean])[] = [
  [
    /NINEFOLDRANGE|increment or decrement would overflow/,
    'COUNTER_RANGE',
    'the result is outside ±(2^53-1); the counter is as it was',
  ],
  [/value is not an int(eger)? or out of range/, 'NOT_A_COUNTER', 'the value is not an integer'],
  [/WRONGTYPE/, 'NOT_A_COUNTER', 'the key holds another type'],
  [
    /WRONGPASS|NOAUTH|NOPERM|unauthorized|ACL failure in script|can't run this command/i,
    'AUTH',
    'the token is wrong or lacks a permission',
  ],
  [/max (request|single record|key) size/i, 'TOO_LARGE', 'the request is larger than the service takes'],
  [/max (daily )?requests? limit|max concurrent connections|rate limit/i, 'UNAVAILABLE', 'the service is throttling'],
  [/^(LOADING|MASTERDOWN|BUSY)\b/, 'UNAVAILABLE', 'the service is not ready'],
  [/^OOM\b|DB capacity quota/, 'BACKEND', 'the database is full'],
  [/^READONLY\b/, 'BACKEND', 'the database is read-only', true],
];

/** The error of a refused command. It did not run, so nothing was applied. */
export function refusedCommand(error: string): DriverError {
  // Before Redis 7, a script's error begins with its position in the script.
  const message = error.replace(/^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/, '');
  const found = meaningOf(message);
  const cause = { name: 'UpstashError', code: codeOf(message) };
  if (found === undefined)
    return new DriverError('BACKEND', 'the service refused the command', { applied: 'no', cause });
  const [, code, reason, retryable] = found;
  return new DriverError(code, reason, { applied: 'no', cause, retryable });
}

function meaningOf(message: string): (typeof MEANINGS)[number] | undefined {
  return MEANINGS.find(([pattern]) => pattern.test(message));
}

/** Whether a message is known to be the service's refusal of a command. */
export function isKnownRefusal(message: string): boolean {
  return meaningOf(message) !== undefined;
}

/** Whether an error message may be the service's: all but a few known ones begin with a code, as those of Redis do. */
function isServiceMessage(message: unknown): message is string {
  return typeof message === 'string' && (codeOf(message) !== undefined || isKnownRefusal(message));
}

/** The error of a request whose HTTP status is not 2xx. */
export function refusedRequest(status: number, body: unknown): DriverError {
  const message = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
  const cause = {
    name: 'HttpError',
    code: String(status),
    message: typeof message === 'string' ? codeOf(message) : undefined,
  };
  const fail = (code: CacheErrorCode, reason: string, options: DriverErrorOptions = {}): DriverError =>
    new DriverError(code, reason, { cause, ...options });
  if (status === 401 || status === 403)
    return fail('AUTH', 'the token is wrong or lacks a permission', { applied: 'no' });
  if (status === 429) return fail('UNAVAILABLE', 'the service is throttling (HTTP 429)', { applied: 'no' });
  if (status === 413) return fail('TOO_LARGE', 'the request is larger than the service takes', { applied: 'no' });
  // A browser reports a redirect as status 0.
  if (status === 0 || (status >= 300 && status < 400)) {
    return fail('BACKEND', 'the address redirects; it is not a REST endpoint of Upstash', { applied: 'no' });
  }
  if (status >= 500 || status === 408) return fail('UNAVAILABLE', `the service failed (HTTP ${status})`);
  return isServiceMessage(message) && status !== 404
    ? refusedCommand(message)
    : fail('BACKEND', foreignResponse(status), { applied: 'no' });
}

/** The message for a response that Upstash does not send. */
export function foreignResponse(status: number): string {
  return `the response is not from Upstash (HTTP ${status}): check url`;
}

/** The digest of the error by which the `fetch` of Next.js ends the prerendering of a page. */
const PRERENDERING = 'DYNAMIC_SERVER_USAGE';

/** Codes of failures before any byte of a request was sent: in the name lookup, in connecting, or of a certificate. */
const UNSENT =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_CERT_ALTNAME_INVALID|(?:CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)_\w+)$/;

/** Whether the request was never sent. */
export function isUnsent(error: unknown): boolean {
  if (!(error instanceof DriverError)) return false;
  const { applied, cause } = error.options;
  return applied === 'no' && (cause?.code === PRERENDERING || UNSENT.test(cause?.code ?? ''));
}

/** The error of a request without a response. An aborted request is one too, but its calls have already ended. */
export function lostRequest(error: unknown): DriverError {
  const { code, syscall } = systemError(error);
  const name = error instanceof Error ? error.name : typeof error;
  if (errorChain(error)[0]?.digest === PRERENDERING) {
    const reason = "Next.js sends no request while it prerenders a page: call next/server's connection() before";
    return new DriverError('BACKEND', reason, { applied: 'no', cause: { name, code: PRERENDERING } });
  }
  const cause = { name, code };
  // A host may also become unreachable to an open connection, after it has read the request.
  if (code !== undefined && UNSENT.test(code) && syscall !== 'read' && syscall !== 'write') {
    return new DriverError('UNAVAILABLE', `cannot be reached (${code})`, { applied: 'no', cause });
  }
  if (isNotHttp(error))
    return new DriverError('BACKEND', 'the response is not HTTP: check url', { connectionLost: true, cause });
  const hint = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? '; the server may not speak TLS' : '';
  const reason = code === undefined ? 'the request was lost' : `the request was lost (${code})${hint}`;
  return new DriverError('UNAVAILABLE', reason, { connectionLost: true, cause });
}

/** Whether Node could not parse the response. The parser's error has a code `HPE_…` on Node 20, and none on Node 24. */
function isNotHttp(error: unknown): boolean {
  return errorChain(error).some(({ name }) => name === 'HTTPParserError');
}

/** The system's error code and the call that failed, which Node puts on `cause` or deeper. */
function systemError(error: unknown): { readonly code?: string; readonly syscall?: unknown } {
  const isSystem = (each: Thrown): each is Thrown & { readonly code: string } =>
    typeof each.code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(each.code);
  return errorChain(error).find(isSystem) ?? {};
}

interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly digest?: unknown;
  readonly cause?: unknown;
}

/** An error and its causes, at most four together. */
function errorChain(error: unknown): readonly Thrown[] {
  const chain: Thrown[] = [];
  for (let at = error; typeof at === 'object' && at !== null && chain.length < 4; at = chain.at(-1)?.cause)
    chain.push(at);
  return chain;
}

/** The first word of an error message, such as `WRONGPASS`. The rest may quote values. */
function codeOf(message: string): string | undefined {
  return /^[A-Z]{2,20}\b/.exec(message)?.[0];
}
