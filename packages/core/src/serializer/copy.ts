import { copyTypedArray, type TypedArray, typedArrayName } from './bytes.ts';
import { describeKind, type Kind, kindOf } from './kinds.ts';
import { MAX_DEPTH } from './plain.ts';
import { MOST_REGEXP_COST, regexpCost } from './regexps.ts';
import { ValueError } from './value-error.ts';

/** Nodes that a value may unfold to where parts are shared: far above what fits into a cache, and ended soon. */
const MOST_NODES = 3_000_000;

/** Decimal digits; to read more takes longer than reading may. */
export const MOST_DIGITS = 100_000;
const LARGEST_BIGINT = 10n ** BigInt(MOST_DIGITS);

/** Bytes of all typed arrays and buffers of a value: their base64 has to fit into a string. */
const MOST_BYTES = 256 * 1024 * 1024;

const CONTAINERS: ReadonlySet<Kind> = new Set<Kind>(['array', 'object', 'map', 'set', 'error']);

/** Keys that the codec refuses to write, though they are data like any other. */
const FEARED = new Set(['constructor', 'prototype']);

export interface CodecCopy {
  /** The value in objects of this realm, each property read once, nothing in it that is not stored. */
  readonly copy: unknown;
  /** `JSON.stringify` keeps the copy exactly. */
  readonly plain: boolean;
  /** What was put behind keys that the codec fears, and is in no other text of the value; '' if there were none. */
  readonly disguise: string;
}

/** Copies what the codec keeps exactly; throws a `ValueError` with the path of what it would change. */
export function copyForCodec(value: unknown, mostNodes: number = MOST_NODES): CodecCopy {
  if ('toJSON' in Object.prototype || 'toJSON' in Array.prototype) {
    throw new ValueError('$: a built-in prototype has got a toJSON, which changes what is written');
  }
  const copier = new Copier(mostNodes);
  try {
    const copy = copier.copy(value, 0);
    if (copier.plain || !copier.feared) return { copy, plain: copier.plain, disguise: '' };
    const disguise = disguiseFor(copy, mostNodes);
    return { copy: new Copier(mostNodes, { disguise }).copy(copy, 0), plain: false, disguise };
  } catch (error) {
    if (error instanceof ValueError) throw error;
    // A getter or a proxy of the value threw, or its depth left no stack.
    throw new ValueError(
      `${copier.path()}: ${error instanceof RangeError ? 'too deep' : 'a property that throws when read'}`,
    );
  }
}

/** A private-use character, repeated until no text of the value holds that many. */
function disguiseFor(value: unknown, mostNodes: number): string {
  const texts: string[] = [];
  new Copier(mostNodes, { texts }).copy(value, 0);
  let disguise = '\ue000';
  while (texts.some((text) => text.includes(disguise))) disguise += '\ue000';
  return disguise;
}

class Copier {
  plain = true;
  feared = false;
  readonly #mostNodes: number;
  readonly #disguise: string;
  /** Where every key and string goes, to find a disguise that is in none. */
  readonly #texts: string[] | undefined;
  readonly #steps: string[] = [];
  /** The containers that the walk is in, and their copies: what is met again there is a cycle. */
  readonly #open = new Map<object, unknown>();
  #nodes = 0;
  #bytes = 0;
  #regexpCost = 0;

  constructor(mostNodes: number, options: { readonly disguise?: string; readonly texts?: string[] } = {}) {
    this.#mostNodes = mostNodes;
    this.#disguise = options.disguise ?? '';
    this.#texts = options.texts;
  }

  path(): string {
    const shown = this.#steps.slice(0, STEPS_SHOWN).join('');
    return `$${shown}${this.#steps.length > STEPS_SHOWN ? '…' : ''}`;
  }

  copy(value: unknown, depth: number): unknown {
    this.#nodes += 1;
    if (this.#nodes > this.#mostNodes) throw new ValueError(`$: unfolds to more than ${this.#mostNodes} values`);
    switch (typeof value) {
      case 'string':
        this.#texts?.push(value);
        return value;
      case 'boolean':
        return value;
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) this.plain = false;
        return value;
      case 'bigint':
        if (value >= LARGEST_BIGINT || value <= -LARGEST_BIGINT) {
          throw new ValueError(`${this.path()}: a bigint of more than ${MOST_DIGITS} digits`);
        }
        this.plain = false;
        return value;
      case 'undefined':
        if (depth === 0) throw new ValueError('$: undefined, which is what a miss looks like');
        this.plain = false;
        return value;
      case 'object':
        return value === null ? null : this.#copyObject(value, depth);
      default:
        return this.#refuse(value);
    }
  }

  #refuse(value: unknown): never {
    throw new ValueError(`${this.path()}: ${describeKind(value)}`);
  }

  #copyObject(value: object, depth: number): unknown {
    const open = this.#open.get(value);
    if (open !== undefined) {
      this.plain = false;
      return open;
    }
    const kind = kindOf(value);
    if (kind === undefined) return this.#refuse(value);
    if (depth >= MAX_DEPTH && CONTAINERS.has(kind)) {
      throw new ValueError(`${this.path()}: deeper than ${MAX_DEPTH} levels`);
    }
    if (kind !== 'object' && kind !== 'array') this.plain = false;
    switch (kind) {
      case 'array':
        return this.#copyArray(value as readonly unknown[], depth);
      case 'object':
        return this.#copyPlain(value as Record<string, unknown>, depth);
      case 'map':
        return this.#copyMap(value as ReadonlyMap<unknown, unknown>, depth);
      case 'set':
        return this.#copySet(value as ReadonlySet<unknown>, depth);
      case 'error':
        return this.#copyError(value as Error, depth);
      case 'date': {
        const time = Date.prototype.getTime.call(value);
        if (Number.isNaN(time)) throw new ValueError(`${this.path()}: an invalid Date`);
        return new Date(time);
      }
      case 'regexp':
        return this.#copyRegexp(value as RegExp);
      case 'url':
        // Its text is ASCII, so that no disguise is in it.
        return new URL((value as URL).href);
      case 'view':
        this.#weighBytes((value as TypedArray).byteLength);
        return copyTypedArray(value as TypedArray, typedArrayName(value) as string);
      case 'buffer':
        this.#weighBytes((value as ArrayBuffer).byteLength);
        return new Uint8Array((value as ArrayBuffer).slice(0));
    }
  }

  #weighBytes(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > MOST_BYTES) throw new ValueError(`${this.path()}: more than ${MOST_BYTES} bytes`);
  }

  #copyRegexp({ source, flags }: RegExp): RegExp {
    this.#regexpCost += regexpCost(source, flags);
    if (this.#regexpCost > MOST_REGEXP_COST) throw new ValueError(`${this.path()}: a RegExp that takes long to read`);
    this.#texts?.push(source);
    return new RegExp(source, flags);
  }

  /** Copies what a container holds, under the step that leads there. */
  #inside(step: string, value: unknown, depth: number): unknown {
    this.#steps.push(step);
    const copy = this.copy(value, depth + 1);
    this.#steps.pop();
    return copy;
  }

  #copyArray(value: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = [];
    this.#open.set(value, copy);
    for (let index = 0; index < value.length; index++) {
      if (!(index in value)) throw new ValueError(`${this.path()}[${index}]: a hole; arrays are not sparse`);
      copy.push(this.#inside(`[${index}]`, value[index], depth));
    }
    this.#open.delete(value);
    return copy;
  }

  #copyPlain(value: Record<string, unknown>, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    this.#open.set(value, copy);
    for (const key of Object.keys(value)) {
      if (key === '__proto__') throw new ValueError(`${this.path()}: an own property named __proto__`);
      this.#texts?.push(key);
      if (FEARED.has(key)) this.feared = true;
      copy[FEARED.has(key) ? key + this.#disguise : key] = this.#inside(stepTo(key), value[key], depth);
    }
    this.#open.delete(value);
    return copy;
  }

  #copyMap(value: ReadonlyMap<unknown, unknown>, depth: number): Map<unknown, unknown> {
    const copy = new Map<unknown, unknown>();
    this.#open.set(value, copy);
    let row = 0;
    // The method of this realm, which no property of the value can replace.
    for (const [key, item] of Map.prototype.entries.call(value)) {
      // A row is an array in the text, and a level of it.
      copy.set(this.#inside(`<key ${row}>`, key, depth + 1), this.#inside(`<value ${row}>`, item, depth + 1));
      row += 1;
    }
    this.#open.delete(value);
    return copy;
  }

  #copySet(value: ReadonlySet<unknown>, depth: number): Set<unknown> {
    const copy = new Set<unknown>();
    this.#open.set(value, copy);
    let row = 0;
    for (const item of Set.prototype.values.call(value)) {
      copy.add(this.#inside(`<item ${row}>`, item, depth));
      row += 1;
    }
    this.#open.delete(value);
    return copy;
  }

  #copyError(value: Error, depth: number): Error {
    const copy = new Error(value.message);
    Object.defineProperty(copy, 'name', { value: value.name });
    this.#texts?.push(value.message, value.name);
    this.#open.set(value, copy);
    if ('cause' in value) copy.cause = this.#inside('.cause', value.cause, depth);
    this.#open.delete(value);
    return copy;
  }
}

/** Steps of a path, and UTF-16 units of a step, that an error shows. */
const STEPS_SHOWN = 16;
const STEP_SHOWN = 64;

function stepTo(key: string): string {
  if (/^[A-Za-z_$][\w$]{0,63}$/.test(key)) return `.${key}`;
  return `[${JSON.stringify(key.length > STEP_SHOWN ? `${key.slice(0, STEP_SHOWN)}…` : key)}]`;
}
