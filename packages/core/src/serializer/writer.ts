import { SuperJSON } from 'superjson';
import { bytesTransformer, type TypedArray } from './bytes.ts';
import { describeKind, type Kind, kindOf } from './kinds.ts';
import { MAX_DEPTH } from './plain.ts';
import { MOST_REGEXP_COST, regexpCost } from './regexps.ts';
import { pathOf, type Step, ValueError } from './value-error.ts';

/** Nodes that a value may unfold to where parts are shared: far above what fits into a cache, and ended soon. */
const MOST_NODES = 3_000_000;

/** Decimal digits; to read more takes longer than reading may. */
export const MOST_DIGITS = 100_000;
const LARGEST_BIGINT = 10n ** BigInt(MOST_DIGITS);

/** Bytes of all typed arrays and buffers of a value: their base64 has to fit into a string. */
const MOST_BYTES = 256 * 1024 * 1024;

/** How superjson marks the containers that JSON lacks. */
const CONTAINERS: Partial<Record<Kind, string>> = { Map: 'map', Set: 'set', Error: 'Error' };

type Key = Step['key'];
type Path = readonly Key[];

/** superjson's annotation of a node, or those of the nodes below it by their paths. */
type Annotations = readonly unknown[] | Readonly<Record<string, unknown>>;
type Node = readonly [json: unknown, annotations?: Annotations | undefined];

/** A container that the walk is in, the key that it is at, and where the container is, if in several places. */
interface Frame extends Step {
  readonly depth: number;
  readonly places: Path[];
}

// An instance of our own: what others register on the shared one must not change what is stored.
const codec = new SuperJSON();
codec.registerCustom(bytesTransformer, bytesTransformer.name);

/**
 * The envelope that superjson makes of a value, with nothing in it that is not stored; throws a `ValueError` with the path
 * of what would change. The leaves are superjson's. The walk is not: superjson's own takes time that grows with the depth,
 * knows one realm, and refuses keys named `constructor` and `prototype`.
 */
export function toEnvelope(value: unknown, mostNodes: number = MOST_NODES): { json: unknown; meta?: unknown } {
  if ('toJSON' in Object.prototype || 'toJSON' in Array.prototype) {
    throw new ValueError('$: a built-in prototype has got a toJSON, which changes what is written');
  }
  const writer = new Writer(mostNodes);
  try {
    const [json, values] = writer.write(value);
    const referentialEqualities = writer.equalities();
    if (values === undefined && referentialEqualities === undefined) return { json };
    return { json, meta: { values, referentialEqualities, v: 1 } };
  } catch (error) {
    if (error instanceof ValueError) throw error;
    // A getter or a proxy of the value threw, or its depth left no stack.
    return writer.refuse(error instanceof RangeError ? 'too deep' : 'a property that throws when read');
  }
}

class Writer {
  /** The containers that the walk is in, from the root on: what is met again there is a cycle. */
  readonly #open = new Map<object, Frame>();
  readonly #numbers = new Map<unknown, Path[]>();
  /** Where the same thing is, for all that superjson tells apart: containers, and numbers that it takes for objects. */
  readonly #places: Path[][] = [];
  #nodesLeft: number;
  #bytesLeft = MOST_BYTES;
  #regexpCostLeft = MOST_REGEXP_COST;

  constructor(mostNodes: number) {
    this.#nodesLeft = mostNodes;
  }

  write(value: unknown): Node {
    this.#nodesLeft -= 1;
    if (this.#nodesLeft < 0) throw new ValueError(`$: unfolds to more than ${MOST_NODES} values`);
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return [value];
      case 'number':
        if (Number.isFinite(value) && !Object.is(value, -0)) return [value];
        if (Number.isNaN(value)) this.#meetNumber(value);
        return writeLeaf(value);
      case 'bigint':
        if (value >= LARGEST_BIGINT || value <= -LARGEST_BIGINT) {
          this.refuse(`a bigint of more than ${MOST_DIGITS} digits`);
        }
        this.#meetNumber(value);
        return writeLeaf(value);
      case 'undefined':
        if (this.#open.size === 0) this.refuse('undefined, which is what a miss looks like');
        return writeLeaf(value);
      case 'object':
        return value === null ? [value] : this.#writeObject(value);
      default:
        return this.refuse(describeKind(value));
    }
  }

  /** superjson's list of the places to which one object goes. */
  equalities(): unknown {
    const others: Record<string, unknown> = {};
    let ofRoot: readonly string[] | undefined;
    for (const places of this.#places) {
      if (places.length < 2) continue;
      places.sort((a, b) => a.length - b.length);
      const [first, ...rest] = places.map((path) => path.map(escapeKey).join('.'));
      if (places[0]?.length === 0) ofRoot = rest;
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
      if (frame.places.length === 0) frame.places.push(path.slice(0, frame.depth));
      frame.places.push(path);
      return [null];
    }
    const kind = kindOf(value);
    switch (kind) {
      case 'Object':
        if (Object.hasOwn(value, '__proto__')) this.refuse('an own property named __proto__');
        return this.#writeContainer(value, kind, value);
      case 'Array':
        return this.#writeContainer(value, kind, value);
      // The methods are those of this realm, which no property of the value can replace.
      case 'Map':
        return this.#writeContainer(value, kind, [...Map.prototype.entries.call(value)]);
      case 'Set':
        return this.#writeContainer(value, kind, [...Set.prototype.values.call(value)]);
      case 'Error': {
        const { name, message } = value as Error;
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
        if (this.#regexpCostLeft < 0) this.refuse('a RegExp that takes long to read');
        return writeLeaf(new RegExp(source, flags));
      }
      case 'URL':
        return writeLeaf(new URL((value as URL).href));
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
    if (this.#bytesLeft < 0) this.refuse(`more than ${MOST_BYTES} bytes`);
    return writeLeaf(bytes);
  }

  #writeContainer(value: object, kind: Kind, content: object): Node {
    if (this.#open.size >= MAX_DEPTH) this.refuse(`deeper than ${MAX_DEPTH} levels`);
    const json = Array.isArray(content) ? [] : {};
    const below: Record<string, unknown> = {};
    const keys = Array.isArray(content) ? content.keys() : Object.keys(content);
    const frame: Frame = { kind, depth: this.#open.size, places: [], key: '' };
    this.#places.push(frame.places);
    this.#open.set(value, frame);
    for (const key of keys) {
      frame.key = key;
      if (!(key in content)) this.refuse('a hole; arrays are not sparse');
      const [item, annotations] = this.write((content as Record<Key, unknown>)[key]);
      (json as Record<Key, unknown>)[key] = item;
      if (annotations === undefined) continue;
      const step = escapeKey(key);
      if (Array.isArray(annotations)) below[step] = annotations;
      else for (const [path, annotation] of Object.entries(annotations)) below[`${step}.${path}`] = annotation;
    }
    this.#open.delete(value);
    const annotation = CONTAINERS[kind];
    if (annotation === undefined) return isEmpty(below) ? [json] : [json, below];
    return [json, isEmpty(below) ? [annotation] : [annotation, below]];
  }

  #meetNumber(value: number | bigint): void {
    let places = this.#numbers.get(value);
    if (places === undefined) {
      places = [];
      this.#numbers.set(value, places);
      this.#places.push(places);
    }
    places.push(this.#path());
  }

  #path(): Path {
    return Array.from(this.#open.values(), ({ key }) => key);
  }
}

function writeLeaf(leaf: unknown): Node {
  const { json, meta } = codec.serialize(leaf);
  return [json, meta?.values as Annotations];
}

function escapeKey(key: Key): string {
  return String(key).replace(/[\\.]/g, '\\$&');
}

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(record).length === 0;
}
