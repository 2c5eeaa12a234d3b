import type { CacheBackend } from '../backend.ts';
import { type CacheError, isCacheError } from '../errors.ts';
import { equal } from './equal.ts';
import type { RecordedCall } from './failure.ts';

const SHOWN = 60;
/** The maximum number of calls shown. */
const CALLS_SHOWN = 12;
const PENDING = ' → pending';

/** Formats a value in a few words. */
export function show(value: unknown): string {
  try {
    return cut(render(value, 0));
  } catch {
    // A getter or a proxy of a rule threw.
    return 'a value that throws when read';
  }
}

/** Formats an unexpected error with its message and the reason for it; the transcript has its code only. */
export function showFailure(error: unknown): string {
  return isCacheError(error) ? `${error.code}: ${error.message}${reasonOf(error)}` : show(error);
}

/** What the author of a driver can learn from the cause of an error. */
function reasonOf({ code, cause }: CacheError): string {
  if (code === 'CORRUPT') return '. A driver returns each text or integer as it was stored, and undefined for a miss';
  const { code: reason, message, stack = '' } = (cause ?? {}) as { code?: string; message?: string; stack?: string };
  const place = /^\s+at (.+)$/m.exec(stack)?.[1];
  if (place !== undefined) return `, at ${place}. To see what it threw, catch it in the driver`;
  const known = [reason, message].filter((part) => part !== undefined && part !== '');
  return known.length === 0 ? '' : ` (${known.join(' ')})`;
}

/** Formats what was expected and what came. If both format alike, it shows the part in which they differ. */
export function showDifference(actual: unknown, expected: unknown, path: readonly string[] = []): string {
  const [got, wanted] = [show(actual), show(expected)];
  if (got === wanted && path.length < 5) {
    const [a, e] = [Object(actual), Object(expected)];
    const part = [...Object.keys(e), ...Object.keys(a)].find((key) => !equal(a[key], e[key]));
    if (part !== undefined) return showDifference(a[part], e[part], [...path, part]);
  }
  return `expected ${wanted}${path.length === 0 ? '' : ` at [${path.join('][')}]`}, got ${got}`;
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function render(value: unknown, depth: number): string {
  if (typeof value === 'string')
    return `'${cut(value).replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16)}`)}'`;
  if (typeof value === 'bigint') return `${cut(String(value))}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return `a function`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (isCacheError(value)) return value.code;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (depth > 2) return '…';
  if (Array.isArray(value))
    return `[${list(value.slice(0, 4), depth)}${value.length > 4 ? `, … ${value.length} in all` : ''}]`;
  if (value instanceof Map) return `Map {${list([...value].slice(0, 3), depth)}}`;
  if (value instanceof Set) return `Set {${list([...value].slice(0, 3), depth)}}`;
  const kind = value.constructor?.name ?? 'Object';
  const fields = Object.entries(value)
    .slice(0, 4)
    .map(([key, field]) => `${key}: ${render(field, depth + 1)}`);
  return `${kind === 'Object' ? '' : `${kind} `}{ ${fields.join(', ')} }`;
}

function list(items: readonly unknown[], depth: number): string {
  return items.map((item) => render(item, depth + 1)).join(', ');
}

/** The calls of a rule and their outcomes, in order. */
export class Transcript {
  readonly #lines: string[] = [];
  readonly #calls = new WeakMap<Promise<unknown>, RecordedCall>();

  add(line: string): void {
    this.#lines.push(line);
  }

  /** The call that made this promise. */
  callOf(promise: Promise<unknown>): RecordedCall | undefined {
    return this.#calls.get(promise);
  }

  /** Wraps a backend so that each of its calls is recorded. */
  record(backend: CacheBackend, name: string, keysHidden: boolean): CacheBackend {
    return new Proxy(backend, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return (...args: readonly unknown[]): unknown => {
          const line = `${name}${String(property)}(${args.map(show).join(', ')})`;
          const at = this.#lines.push(line) - 1;
          let result: unknown;
          try {
            result = Reflect.apply(member, target, args);
          } catch (error) {
            this.#end(at, line, `throws ${show(error)}`);
            throw error;
          }
          if (result instanceof Promise) {
            this.#lines[at] = line + PENDING;
            this.#calls.set(result, { backend, operation: String(property), args, keysHidden });
            result.then(
              (value: unknown) => this.#end(at, line, show(value)),
              (error: unknown) => this.#end(at, line, `rejects ${show(error)}`),
            );
          }
          return result;
        };
      },
    });
  }

  #end(at: number, line: string, outcome: string): void {
    this.#lines[at] = `${line} → ${outcome}`;
  }

  toString(): string {
    const before = this.#lines.slice(0, -CALLS_SHOWN);
    const pending = before.filter((line) => line.endsWith(PENDING)).slice(0, 3);
    const first = before.length > 0 ? [`… ${before.length} calls before …`, ...pending] : [];
    return [...first, ...this.#lines.slice(-CALLS_SHOWN)].join(' · ');
  }
}
