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

/** The JSON of superjson's annotation of a node: its kind, and the annotations below it by path. */
type Annotation = string;
/** The annotations below a container that has none itself, each behind its step: the JSON of a key, without quotes. */
type Group = (Annotation | Group)[];

// A separate instance: what other code registers on the default one must not change the stored text.
const codec = new SuperJSON();
codec.registerCustom(bytesTransformer, bytesTransformer.name);

/**
 * Makes superjson's envelope of a value, and throws a `ValueError` with the path of any part that would change. superjson
 * writes the rare leaves, but not the containers: its own walk supports only one realm, and refuses keys named `constructor`
 * and `prototype`. Only cycles become referential equalities: superjson also records that numbers are the same, and before
 * 2.2.7 then loses entries of Maps when it reads.
 */
export function toEnvelope(value: unknown): string {
  // Also finds a `toJSON` of `Object.prototype`, which `Array.prototype` inherits.
  if ('toJSON' in Array.prototype) {
    throw new ValueError('$: a built-in prototype has a toJSON, which changes the output');
  }
  const writer = new Writer();
  let json: unknown;
  try {
    json = writer.write(value);
  } catch (error) {
    if (error instanceof ValueError) throw error;
    // A getter or a proxy in the value threw, or the stack overflowed.
    writer.refuse('a property that cannot be read');
  }
  return `{"json":${JSON.stringify(json)}${writer.meta()}}`;
}

class Writer {
  /** The containers on the path of the walk, from the root on. Meeting one of them again is a cycle. */
  readonly #open = new Map<object, Step>();
  /** For each container that contains itself, by its path, which the root has none of: the paths that lead back to it. */
  readonly #cycles = new Map<string | undefined, string[]>();
  /** The annotations of the node that was written last, until its container takes them. */
  #annotations: Annotation | Group | undefined;
  #nodesLeft = MAX_NODES;
  #bytesLeft = MAX_BYTES;
  #regexpCostLeft = MAX_REGEXP_COST;

  /** Returns the JSON of a node: the node itself, unless something in it has to be replaced. */
  write(value: unknown): unknown {
    this.#nodesLeft -= 1;
    if (this.#nodesLeft < 0) throw new ValueError(`$: expands to more than ${MAX_NODES} values`);
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        if (Number.isFinite(value) && !Object.is(value, -0)) return value;
        return this.#annotate('["number"]', value === 0 ? '-0' : String(value));
      case 'bigint':
        // The limit is not negated: that takes microseconds.
        if ((value < 0n ? -value : value) >= LARGEST_BIGINT) this.refuse(`a bigint of more than ${MAX_DIGITS} digits`);
        return this.#annotate('["bigint"]', String(value));
      case 'undefined':
        if (this.#open.size === 0) this.refuse('undefined, which means a miss');
        return this.#annotate('["undefined"]', null);
      case 'object':
        return value === null ? value : this.#writeObject(value);
      default:
        return this.refuse(describeKind(value));
    }
  }

  /** The second member of the envelope, with a comma before it; empty if JSON says it all. */
  meta(): string {
    const annotations = this.#annotations;
    let meta = '';
    if (annotations !== undefined)
      meta += `"values":${typeof annotations === 'string' ? annotations : byPath(annotations)},`;
    if (this.#cycles.size > 0) meta += `"referentialEqualities":${JSON.stringify(this.#equalities())},`;
    return meta && `,"meta":{${meta}"v":1}`;
  }

  refuse(what: string): never {
    throw new ValueError(`${pathOf([...this.#open.values()])}: ${what}`);
  }

  #writeObject(value: object): unknown {
    if (this.#open.has(value)) return this.#writeCycle(value);
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
        return this.#annotate('["Date"]', new Date(time).toISOString());
      }
      case 'RegExp': {
        const { source, flags } = value as RegExp;
        this.#regexpCostLeft -= regexpCost(source, flags);
        if (this.#regexpCostLeft < 0) this.refuse('a RegExp that is too costly to parse');
        return this.#writeBySuperjson(new RegExp(source, flags));
      }
      case 'URL': {
        const url = new URL((value as URL).href);
        if (!CHEAP_URL.test(url.href)) this.refuse('a URL whose host is too long');
        return this.#writeBySuperjson(url);
      }
      case 'ArrayBuffer':
        return this.#writeBytes(new Uint8Array(ArrayBuffer.prototype.slice.call(value, 0)));
      case 'TypedArray':
        return this.#writeBytes(value as TypedArray);
      case undefined:
        return this.refuse(describeKind(value));
    }
  }

  #writeBytes(bytes: TypedArray): unknown {
    this.#bytesLeft -= bytes.byteLength;
    if (this.#bytesLeft < 0) this.refuse(`more than ${MAX_BYTES} bytes`);
    return this.#writeBySuperjson(bytes);
  }

  #writeContainer(value: object, kind: Kind, content: object): unknown {
    if (this.#open.size >= MAX_DEPTH) this.refuse(`deeper than ${MAX_DEPTH} levels`);
    const items = content as Record<Key, unknown>;
    const isList = Array.isArray(content);
    const keys = isList ? Array.prototype.keys.call(content) : Object.keys(content);
    // A copy, once an item has to be replaced, or if a prototype of another realm or a proxy answers with a `toJSON`.
    let json: typeof items = isList ? ([] as never) : items.toJSON !== undefined ? { ...items } : items;
    let below: Group | undefined;
    const step: Step = { kind, key: '' };
    this.#open.set(value, step);
    for (const key of keys) {
      step.key = key;
      if (!(key in items)) this.refuse('a hole in a sparse array');
      const item = items[key];
      const written = this.write(item);
      if (written !== item && json === items) json = { ...items };
      if (json !== items) json[key] = written;
      if (this.#annotations !== undefined) {
        below ??= [];
        below.push(stepOf(key), this.#annotations);
        this.#annotations = undefined;
      }
    }
    this.#open.delete(value);
    const annotation = CONTAINERS[kind];
    if (annotation === undefined) this.#annotations = below;
    else this.#annotations = below === undefined ? `["${annotation}"]` : `["${annotation}",${byPath(below)}]`;
    return json;
  }

  #writeCycle(container: object): null {
    const path = Array.from(this.#open.values(), ({ key }) => escapeKey(key));
    const depth = [...this.#open.keys()].indexOf(container);
    const first = depth === 0 ? undefined : path.slice(0, depth).join('.');
    const paths = this.#cycles.get(first) ?? [];
    this.#cycles.set(first, paths);
    paths.push(path.join('.'));
    return null;
  }

  #equalities(): unknown {
    const ofRoot = this.#cycles.get(undefined);
    this.#cycles.delete(undefined);
    const others = this.#cycles.size === 0 ? [] : [Object.fromEntries(this.#cycles)];
    return ofRoot === undefined ? others[0] : [ofRoot, ...others];
  }

  #annotate(annotation: Annotation, json: string | null): string | null {
    this.#annotations = annotation;
    return json;
  }

  #writeBySuperjson(leaf: unknown): unknown {
    const { json, meta } = codec.serialize(leaf);
    this.#annotations = JSON.stringify(meta?.values);
    return json;
  }
}

/** The JSON of the annotations of a group by path. */
function byPath(group: Group): Annotation {
  return `{${membersOf(group, '')}}`;
}

/** Builds each path once, whatever its depth. */
function membersOf(group: Group, path: string): string {
  let members = '';
  for (let at = 0; at < group.length; at += 2) {
    const step = `${path}${group[at]}`;
    const annotations = group[at + 1] as Annotation | Group;
    if (members !== '') members += ',';
    members += typeof annotations === 'string' ? `"${step}":${annotations}` : membersOf(annotations, `${step}.`);
  }
  return members;
}

function stepOf(key: Key): string {
  // Nearly every key needs no escapes.
  return /^\w*$/.test(String(key)) ? String(key) : JSON.stringify(escapeKey(key)).slice(1, -1);
}

function escapeKey(key: Key): string {
  return String(key).replace(/[\\.]/g, '\\$&');
}
