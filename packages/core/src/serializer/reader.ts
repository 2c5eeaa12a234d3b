import { bytesTransformer } from './bytes.ts';
import { copyForCodec, MOST_DIGITS } from './copy.ts';
import { MOST_REGEXP_COST, regexpCost } from './regexps.ts';

/**
 * Puts the annotated values into parsed JSON, as superjson does (https://github.com/flightcontrolhq/superjson), but in
 * work that is bounded by the length of the text, and only for what `serialize` takes. The tree of `values` is applied
 * from the leaves up, while Maps, Sets and Errors are still the JSON that they come from; then `referentialEqualities`
 * put one object in several places; last, the containers are filled.
 */
export function readAnnotated(json: unknown, meta: unknown, textLength: number): unknown {
  const { values, referentialEqualities, v } = asRecord(meta);
  const reader = new Reader(typeof v === 'number' && v >= 1);
  let root = values === undefined ? json : reader.apply(json, values);
  if (referentialEqualities !== undefined) root = reader.share(root, referentialEqualities);
  reader.fill();
  if (root === undefined) throw new Error('no value');
  // Sharing may have made what is too deep: the walk of a write tells. A text spells every node out, so it ends soon.
  if (referentialEqualities !== undefined) copyForCodec(root, textLength);
  return root;
}

type Source = readonly unknown[] | Record<string, unknown>;

class Reader {
  /** Since version 1 a backslash in a path is escaped. */
  readonly #escaped: boolean;
  /** Maps, Sets and Errors that wait to be filled from their JSON. */
  readonly #sources = new Map<object, Source>();
  #regexpCost = 0;

  constructor(escaped: boolean) {
    this.#escaped = escaped;
  }

  apply(node: unknown, tree: unknown): unknown {
    if (!Array.isArray(tree)) {
      this.#applyChildren(node, tree);
      return node;
    }
    const [annotation, children] = tree as readonly unknown[];
    if (children !== undefined) this.#applyChildren(node, children);
    return this.#convert(node, annotation);
  }

  share(root: unknown, equalities: unknown): unknown {
    const [toRoot, others] = Array.isArray(equalities) ? (equalities as readonly unknown[]) : [[], equalities];
    for (const path of asArray(toRoot)) this.#put(root, asString(path), root);
    for (const [path, places] of Object.entries(others === undefined ? {} : asRecord(others))) {
      const shared = this.#parsePath(path).reduce((node, key) => this.#step(node, key), root);
      for (const place of asArray(places)) this.#put(root, asString(place), shared);
    }
    return root;
  }

  fill(): void {
    for (const [container, source] of this.#sources) {
      if (container instanceof Map) {
        for (const row of source as readonly unknown[]) {
          const [key, value] = asPair(row);
          container.set(key, value);
        }
      } else if (container instanceof Set) {
        for (const item of source as readonly unknown[]) container.add(item);
      } else if (Object.hasOwn(source, 'cause')) {
        Object.defineProperty(container, 'cause', {
          value: (source as { cause: unknown }).cause,
          writable: true,
          configurable: true,
        });
      }
    }
  }

  #applyChildren(node: unknown, children: unknown): void {
    for (const [path, tree] of Object.entries(asRecord(children))) {
      const keys = this.#parsePath(path);
      const last = keys.pop() as string;
      const parent = keys.reduce((at, key) => this.#step(at, key), node);
      assign(asSource(parent), last, this.apply(this.#step(parent, last), tree));
    }
  }

  #put(root: unknown, path: string, value: unknown): void {
    const keys = this.#parsePath(path);
    const last = keys.pop() as string;
    const parent = keys.reduce((at, key) => this.#step(at, key), root);
    this.#step(parent, last);
    assign(this.#sourceOf(parent), last, value);
  }

  #step(node: unknown, key: string): unknown {
    const source = this.#sourceOf(node);
    // An array takes its indexes only: 'length' is an own property too.
    const there = Array.isArray(source) ? /^(?:0|[1-9][0-9]*)$/.test(key) : true;
    if (!there || !Object.hasOwn(source, key)) throw new Error('a path that leads nowhere');
    return (source as Record<string, unknown>)[key];
  }

  #sourceOf(node: unknown): Source {
    return (typeof node === 'object' && node !== null && this.#sources.get(node)) || asSource(node);
  }

  #parsePath(path: string): string[] {
    const keys: string[] = [];
    let key = '';
    for (let at = 0; at < path.length; at++) {
      const character = path[at] as string;
      const next = path[at + 1];
      if (character === '\\' && (next === '.' || (this.#escaped && next === '\\'))) {
        key += next;
        at += 1;
      } else if (character === '\\' && this.#escaped) {
        throw new Error('no path');
      } else if (character === '.') {
        keys.push(key);
        key = '';
      } else {
        key += character;
      }
    }
    keys.push(key);
    return keys;
  }

  #convert(node: unknown, annotation: unknown): unknown {
    if (Array.isArray(annotation)) return convertComposite(node, annotation as readonly unknown[]);
    switch (annotation) {
      case 'undefined':
        return undefined;
      case 'bigint':
        return asBigint(asString(node));
      case 'number':
        return asSpecialNumber(node);
      case 'Date':
        return asDate(asString(node));
      case 'regexp':
        return this.#regexp(asString(node));
      case 'URL':
        return new URL(asString(node));
      case 'map':
        asArray(node).forEach(asPair);
        return this.#later(new Map(), asArray(node));
      case 'set':
        return this.#later(new Set(), asArray(node));
      case 'Error':
        return this.#later(asError(asRecord(node)), asRecord(node));
      default:
        throw new Error('an annotation that is never written');
    }
  }

  #regexp(text: string): RegExp {
    const end = text.lastIndexOf('/');
    if (end < 1 || text[0] !== '/') throw new Error('no regular expression');
    const [source, flags] = [text.slice(1, end), text.slice(end + 1)];
    this.#regexpCost += regexpCost(source, flags);
    if (this.#regexpCost > MOST_REGEXP_COST) throw new Error('regular expressions that take long to read');
    return new RegExp(source, flags);
  }

  #later<T extends object>(container: T, source: Source): T {
    this.#sources.set(container, source);
    return container;
  }
}

function assign(source: Source, key: string, value: unknown): void {
  (source as Record<string, unknown>)[key] = value;
}

function asArray(node: unknown): unknown[] {
  if (!Array.isArray(node)) throw new Error('no array');
  return node;
}

function asPair(node: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(node) || node.length !== 2) throw new Error('no pair');
  return node as unknown as readonly [unknown, unknown];
}

function asRecord(node: unknown): Record<string, unknown> {
  if (typeof node !== 'object' || node === null || Object.getPrototypeOf(node) !== Object.prototype)
    throw new Error('no object');
  return node as Record<string, unknown>;
}

function asSource(node: unknown): Source {
  return Array.isArray(node) ? node : asRecord(node);
}

function asString(node: unknown): string {
  if (typeof node !== 'string') throw new Error('no string');
  return node;
}

function asBigint(text: string): bigint {
  if (text.length > MOST_DIGITS + 1 || !/^-?[0-9]+$/.test(text)) throw new Error('no bigint');
  return BigInt(text);
}

function asSpecialNumber(node: unknown): number {
  if (node === 'NaN' || node === 'Infinity' || node === '-Infinity' || node === '-0') return Number(node);
  throw new Error('no number that JSON lacks');
}

function asDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new Error('no date');
  return date;
}

function asError({ name, message }: Record<string, unknown>): Error {
  const error = withoutStack(asString(message));
  Object.defineProperty(error, 'name', { value: asString(name), writable: true, configurable: true });
  return error;
}

/** V8 takes microseconds to note where an error was made, and where it was read says nothing. */
function withoutStack(message: string): Error {
  const made = Error as { stackTraceLimit?: number };
  const limit = made.stackTraceLimit;
  if (limit === undefined) return new Error(message);
  made.stackTraceLimit = 0;
  try {
    return new Error(message);
  } finally {
    made.stackTraceLimit = limit;
  }
}

function convertComposite(node: unknown, [kind, name]: readonly unknown[]): unknown {
  if (kind === 'custom' && name === bytesTransformer.name) return bytesTransformer.deserialize(asString(node));
  if (kind === 'typed-array') return asNumbers(asArray(node), asString(name));
  throw new Error('an annotation that is never written');
}

/** superjson's own form of a typed array, as its other writers have it. */
function asNumbers(numbers: readonly unknown[], name: string): unknown {
  if (!numbers.every((number) => typeof number === 'number')) throw new Error('no numbers');
  const array = bytesTransformer.deserialize(name === 'Uint8Array' ? '' : `${name}:`);
  if (typeof array[0] === 'bigint' || name.startsWith('Big')) throw new Error('no typed array of superjson');
  return (array.constructor as unknown as { from(numbers: readonly number[]): unknown }).from(numbers as number[]);
}
