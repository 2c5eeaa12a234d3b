import { SuperJSON } from 'superjson';
import { bytesTransformer, type TypedArray } from './bytes.ts';
import { CHEAP_URL, MAX_REGEXP_COST, regexpCost } from './costs.ts';
import { MAX_BYTES } from './expansion.ts';
import { describeKind, type Kind, kindOf } from './kinds.ts';
import { MAX_DEPTH } from './plain.ts';
import { pathOf, type Step, ValueError } from './value-error.ts';

/** The maximum number of nodes of a value, with shared parts expanded: more than a cache holds, but walked quickly. */
const MAX_NODES = 3_000_000;

/** The maximum number of decimal digits of a bigint, for the reader too. Parsing more would exceed the time bound of a read. */
const MAX_DIGITS = 100_000;
const LARGEST_BIGINT = 10n ** BigInt(MAX_DIGITS);

/** superjson's annotations of the containers that JSON lacks. */
const CONTAINERS: Partial<Record<Kind, string>> = { Map: 'map', Set: 'set', Error: 'Error' };

type Key = Step['key'];
type Path = readonly Key[];

/** superjson's annotation of a node: its kind, and the annotations below it by path. */
type Annotation = readonly unknown[];
/** The annotations below a container that has none itself, by step. A step to another group ends in a dot. */
interface Group {
  [step: string]: Annotation | Group;
}
type Node = readonly [json: unknown, annotations?: Annotation | Group | undefined];

/** A container on the path of the walk, the current key in it, and its paths if it has several. */
interface Frame extends Step {
  readonly depth: number;
  readonly paths: Path[];
}

// A separate instance: what other code registers on the default one must not change the stored text.
const codec = new SuperJSON();
codec.registerCustom(bytesTransformer, bytesTransformer.name);

/**
 * Makes superjson's envelope of a value, and throws a `ValueError` with the path of any part that would change.
 * superjson writes the leaves, but not the containers: its own walk takes time that grows with the depth, supports only
 * one realm, and refuses keys named `constructor` and `prototype`.
 */
export function toEnvelope(value: unknown): { json: unknown; meta?: unknown } {
  // Also finds a `toJSON` of `Object.prototype`, which `Array.prototype` inherits.
  if ('toJSON' in Array.prototype) {
    throw new ValueError('$: a built-in prototype has a toJSON, which changes the output');
  }
  const writer = new Writer();
  try {
    const [json, annotations] = writer.write(value);
    const values =
      annotations === undefined || Array.isArray(annotations) ? annotations : flatten(annotations as Group);
    const referentialEqualities = writer.equalities();
    if (values === undefined && referentialEqualities === undefined) return { json };
    return { json, meta: { values, referentialEqualities, v: 1 } };
  } catch (error) {
    if (error instanceof ValueError) throw error;
    // A getter or a proxy in the value threw, or the stack overflowed.
    return writer.refuse('a property that cannot be read');
  }
}

class Writer {
  /** The containers on the path of the walk, from the root on. Meeting one of them again is a cycle. */
  readonly #open = new Map<object, Frame>();
  readonly #numbers = new Map<unknown, Path[]>();
  /** The paths of each thing whose identity superjson keeps: containers, and numbers that it treats as objects. */
  readonly #identities: Path[][] = [];
  #nodesLeft = MAX_NODES;
  #bytesLeft = MAX_BYTES;
  #regexpCostLeft = MAX_REGEXP_COST;

  write(value: unknown): Node {
    this.#nodesLeft -= 1;
    if (this.#nodesLeft < 0) throw new ValueError(`$: expands to more than ${MAX_NODES} values`);
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return [value];
      case 'number':
        if (Number.isFinite(value) && !Object.is(value, -0)) return [value];
        if (Number.isNaN(value)) this.#recordNumber(value);
        return writeLeaf(value);
      case 'bigint':
        if (value >= LARGEST_BIGINT || value <= -LARGEST_BIGINT) {
          this.refuse(`a bigint of more than ${MAX_DIGITS} digits`);
        }
        this.#recordNumber(value);
        return writeLeaf(value);
      case 'undefined':
        if (this.#open.size === 0) this.refuse('undefined, which means a miss');
        return writeLeaf(value);
      case 'object':
        return value === null ? [value] : this.#writeObject(value);
      default:
        return this.refuse(describeKind(value));
    }
  }

  /** superjson's `referentialEqualities`: for each object with several paths, the first and the others. */
  equalities(): unknown {
    const others: Record<string, unknown> = {};
    let ofRoot: readonly string[] | undefined;
    for (const paths of this.#identities) {
      if (paths.length < 2) continue;
      paths.sort((a, b) => a.length - b.length);
      const [first, ...rest] = paths.map((path) => path.map(escapeKey).join('.'));
      if (paths[0]?.length === 0) ofRoot = rest;
      else others[first as string] = rest;
    }
    if (isEmpty(others)) return ofRoot && [ofRoot];
    return ofRoot === undefined ? others : [ofRoot, others];
  }

  refuse(what: string): never {
    throw new ValueError(`${pathOf([...this.#open.values()])}: ${what}`);
  }

  #writeObject(value: object): Node {
    const frame = this.#open.get(value);
    if (frame !== undefined) {
      const path = this.#path();
      if (frame.paths.length === 0) frame.paths.push(path.slice(0, frame.depth));
      frame.paths.push(path);
      return [null];
    }
    const kind = kindOf(value);
    switch (kind) {
      case 'Object':
        // Only an own, enumerable property would be stored.
        if (Object.prototype.propertyIsEnumerable.call(value, '__proto__'))
          this.refuse('an own property named __proto__');
        return this.#writeContainer(value, kind, value);
      case 'Array':
        return this.#writeContainer(value, kind, value);
      // Methods of this realm, so that properties of the value cannot replace them.
      case 'Map':
        return this.#writeContainer(value, kind, [...Map.prototype.entries.call(value)]);
      case 'Set':
        return this.#writeContainer(value, kind, [...Set.prototype.values.call(value)]);
      case 'Error': {
        const { name, message } = value as Error;
        if (typeof name !== 'string' || typeof message !== 'string') this.refuse(describeKind(value));
        return this.#writeContainer(value, kind, { name, message, ...('cause' in value && { cause: value.cause }) });
      }
      case 'Date': {
        const time = Date.prototype.getTime.call(value);
        if (Number.isNaN(time)) this.refuse('an invalid Date');
        return writeLeaf(new Date(time));
      }
      case 'RegExp': {
        const { source, flags } = value as RegExp;
        this.#regexpCostLeft -= regexpCost(source, flags);
        if (this.#regexpCostLeft < 0) this.refuse('a RegExp that is too costly to parse');
        return writeLeaf(new RegExp(source, flags));
      }
      case 'URL': {
        const url = new URL((value as URL).href);
        if (!CHEAP_URL.test(url.href)) this.refuse('a URL whose host is too long');
        return writeLeaf(url);
      }
      case 'ArrayBuffer':
        return this.#writeBytes(new Uint8Array(ArrayBuffer.prototype.slice.call(value, 0)));
      case 'TypedArray':
        return this.#writeBytes(value as TypedArray);
      case undefined:
        return this.refuse(describeKind(value));
    }
  }

  #writeBytes(bytes: TypedArray): Node {
    this.#bytesLeft -= bytes.byteLength;
    if (this.#bytesLeft < 0) this.refuse(`more than ${MAX_BYTES} bytes`);
    return writeLeaf(bytes);
  }

  #writeContainer(value: object, kind: Kind, content: object): Node {
    if (this.#open.size >= MAX_DEPTH) this.refuse(`deeper than ${MAX_DEPTH} levels`);
    const keys = Array.isArray(content) ? content.keys() : Object.keys(content);
    const json = Array.isArray(content) ? [] : {};
    const below: Group = {};
    const frame: Frame = { kind, depth: this.#open.size, paths: [], key: '' };
    this.#identities.push(frame.paths);
    this.#open.set(value, frame);
    for (const key of keys) {
      frame.key = key;
      if (!(key in content)) this.refuse('a hole in a sparse array');
      const [item, annotations] = this.write((content as Record<Key, unknown>)[key]);
      (json as Record<Key, unknown>)[key] = item;
      if (annotations !== undefined)
        below[Array.isArray(annotations) ? escapeKey(key) : `${escapeKey(key)}.`] = annotations;
    }
    this.#open.delete(value);
    const annotation = CONTAINERS[kind];
    if (annotation === undefined) return isEmpty(below) ? [json] : [json, below];
    return [json, isEmpty(below) ? [annotation] : [annotation, flatten(below)]];
  }

  #recordNumber(value: number | bigint): void {
    let paths = this.#numbers.get(value);
    if (paths === undefined) {
      paths = [];
      this.#numbers.set(value, paths);
      this.#identities.push(paths);
    }
    paths.push(this.#path());
  }

  #path(): Path {
    return Array.from(this.#open.values(), ({ key }) => key);
  }
}

function writeLeaf(leaf: unknown): Node {
  const { json, meta } = codec.serialize(leaf);
  return [json, meta?.values as Annotation];
}

/** Flattens a group into annotations by path. Builds each path once, whatever its depth. */
function flatten(group: Group, path = '', all: Record<string, Annotation> = {}): Record<string, Annotation> {
  for (const [step, annotations] of Object.entries(group)) {
    if (Array.isArray(annotations)) all[path + step] = annotations;
    else flatten(annotations as Group, path + step, all);
  }
  return all;
}

function escapeKey(key: Key): string {
  return String(key).replace(/[\\.]/g, '\\$&');
}

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(record).length === 0;
}
