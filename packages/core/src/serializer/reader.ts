import { bytesTransformer, typedArrayOf } from './bytes.ts';
import { CHEAP_URL, MAX_REGEXP_COST, regexpCost } from './costs.ts';
import { assertBoundedExpansion } from './expansion.ts';
import { check } from './legal-json.ts';

/** The numbers that JSON lacks, as text, by the initial of the typed arrays that hold them. */
const NOT_IN_JSON = { F: /^(?:NaN|-?Infinity|-0)$/, B: /^-?\d{1,20}$/ };

/**
 * Applies superjson's annotations (https://github.com/flightcontrolhq/superjson) to parsed JSON, with work bounded by
 * the length of the text, and only for values that `serialize` accepts. First the tree of `values` is applied from the
 * leaves up, while Maps, Sets and Errors stay empty beside their JSON. Then `referentialEqualities` put one object at
 * several paths. Finally the containers are filled.
 */
export function readAnnotated(json: unknown, meta: unknown, textLength: number): unknown {
  const { values, referentialEqualities, v } = asRecord(meta);
  const reader = new Reader(typeof v === 'number' && v >= 1);
  const root = reader.applyValues(json, values);
  reader.applyEqualities(root, referentialEqualities);
  reader.fillContainers();
  check(root !== undefined);
  // Shared objects may expand to too many nodes or levels. `serialize` writes them out at every path, so its text has
  // at least one character per node.
  if (reader.sharesObjects) assertBoundedExpansion(root, textLength);
  return root;
}

class Reader {
  sharesObjects = false;
  /** Whether backslashes in paths are escaped, as since version 1. */
  readonly #escaped: boolean;
  /** Maps, Sets and Errors that are not filled yet, with their JSON. */
  readonly #sources = new Map<unknown, unknown>();
  #regexpCostLeft = MAX_REGEXP_COST;

  constructor(escaped: boolean) {
    this.#escaped = escaped;
  }

  /** Applies a tree of annotations to a node. A tree is `[annotation, children]`, or the children alone. */
  applyValues(node: unknown, tree: unknown): unknown {
    const annotated = Array.isArray(tree);
    const below = asRecord(annotated ? tree[1] : tree);
    for (const path of Object.keys(below)) this.#replace(node, path, (child) => this.applyValues(child, below[path]));
    return annotated ? this.#convert(node, tree[0]) : node;
  }

  applyEqualities(root: unknown, equalities: unknown): void {
    const [ofRoot, others] = Array.isArray(equalities) ? (equalities as readonly unknown[]) : [[], equalities];
    this.#share(root, root, ofRoot);
    const tree = asRecord(others);
    for (const path of Object.keys(tree)) this.#share(root, this.#nodeAt(root, this.#keysOf(path)), tree[path]);
  }

  #share(root: unknown, shared: unknown, paths: unknown): void {
    for (const path of asArray(paths)) {
      this.sharesObjects ||= typeof shared === 'object';
      this.#replace(root, asString(path), () => shared);
    }
  }

  fillContainers(): void {
    for (const [container, source] of this.#sources) {
      if (container instanceof Map) {
        for (const row of source as readonly unknown[]) {
          check(Array.isArray(row) && row.length === 2);
          container.set(row[0], row[1]);
        }
      } else if (container instanceof Set) {
        for (const item of source as readonly unknown[]) container.add(item);
      } else if (Object.hasOwn(source as object, 'cause')) {
        hide(container as Error, 'cause', (source as Error).cause);
      }
    }
  }

  #replace(root: unknown, path: string, replacement: (node: unknown) => unknown): void {
    const keys = this.#keysOf(path);
    const last = keys.pop() as string;
    const holder = this.#holderOf(this.#nodeAt(root, keys), last);
    holder[last] = replacement(holder[last]);
  }

  #nodeAt(root: unknown, keys: readonly string[]): unknown {
    return keys.reduce((node, key) => this.#holderOf(node, key)[key], root);
  }

  /** The object that holds a node's children: its source if it is not filled yet, otherwise the node itself. */
  #holderOf(node: unknown, key: string): Record<string, unknown> {
    const holder = this.#sources.get(node) ?? node;
    // 'length' is an own property of an array, but not a child.
    const owns = Array.isArray(holder) ? key !== 'length' : asRecord(holder);
    check(owns && Object.hasOwn(holder as object, key));
    return holder as Record<string, unknown>;
  }

  #keysOf(path: string): string[] {
    const keys: string[] = [];
    let key = '';
    let from = 0;
    for (let at = 0; at < path.length; at++) {
      const character = path[at];
      if (character === '.') {
        keys.push(key + path.slice(from, at));
        key = '';
        from = at + 1;
      } else if (character === '\\' && (this.#escaped || path[at + 1] === '.')) {
        key += path.slice(from, at);
        from = ++at;
        check('.\\'.includes(path[at] as string));
      }
    }
    keys.push(key + path.slice(from));
    return keys;
  }

  #convert(node: unknown, annotation: unknown): unknown {
    const [kind, name] = Array.isArray(annotation) ? (annotation as readonly unknown[]) : [annotation];
    switch (kind) {
      case 'undefined':
        return undefined;
      case 'bigint':
        // As many digits as the writer allows.
        check(/^-?\d{1,100000}$/.test(asString(node)));
        return BigInt(node as string);
      case 'number':
        check(NOT_IN_JSON.F.test(asString(node)));
        return Number(node);
      case 'Date': {
        const date = new Date(asString(node));
        check(!Number.isNaN(date.getTime()));
        return date;
      }
      case 'regexp':
        return this.#regexp(asString(node));
      case 'URL':
        check(CHEAP_URL.test(asString(node)));
        return new URL(asString(node));
      case 'map':
        return this.#fillLater(new Map(), asArray(node));
      case 'set':
        return this.#fillLater(new Set(), asArray(node));
      case 'Error':
        return this.#fillLater(errorOf(asRecord(node)), node);
      case 'custom':
        check(name === bytesTransformer.name);
        return bytesTransformer.deserialize(asString(node));
      // superjson's own form of a typed array, which other writers use. Since its 2.2.7, what JSON lacks is text.
      case 'typed-array':
        check(
          asArray(node).every(
            (item) => typeof item === 'number' || NOT_IN_JSON[(name as string)[0] as 'F']?.test(asString(item)),
          ),
        );
        return typedArrayOf(asString(name), node as number[]);
      default:
        return check(false);
    }
  }

  #regexp(text: string): RegExp {
    const end = text.lastIndexOf('/');
    check(end > 0 && text[0] === '/');
    const [source, flags] = [text.slice(1, end), text.slice(end + 1)];
    check(regexpCost(source, flags) <= this.#regexpCostLeft);
    const regexp = new RegExp(source, flags);
    // `source` escapes slashes, and may be longer than the text.
    this.#regexpCostLeft -= regexpCost(regexp.source, flags);
    check(this.#regexpCostLeft >= 0);
    return regexp;
  }

  #fillLater(container: object, source: unknown): object {
    this.#sources.set(container, source);
    return container;
  }
}

function asString(node: unknown): string {
  check(typeof node === 'string');
  return node;
}

function asArray(node: unknown): readonly unknown[] {
  check(Array.isArray(node));
  return node;
}

/** An object of JSON. Annotations that are left out are none. */
function asRecord(node: unknown = {}): Record<string, unknown> {
  check(Object.getPrototypeOf(node) === Object.prototype);
  return node as Record<string, unknown>;
}

function errorOf({ name, message }: Record<string, unknown>): Error {
  const error = withoutStack(asString(message));
  hide(error, 'name', asString(name));
  return error;
}

function hide(error: Error, key: 'name' | 'cause', value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true });
}

/** Creates an error without a stack: V8 takes microseconds to capture one, and it would point here. */
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
