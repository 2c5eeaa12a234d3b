import { describe, withArticle } from '../keys.ts';
import { typedArrayName } from './bytes.ts';

/**
 * The kinds of objects that are kept, except typed arrays and errors, with a `Symbol.toStringTag` and without one. A kind
 * without a tag is recognised by an internal slot, which cannot be forged. The methods that read a Map, a Set or an
 * ArrayBuffer check its slot themselves; a URL is stored as its text.
 */
const TAGGED = /^(?:Object|Array|ArrayBuffer|Map|Set|URL)$/;
const UNTAGGED = /^(?:Object|Array|Date|RegExp)$/;

/** `Error` and those built-in subclasses that have only name, message and cause. */
const KEPT_ERROR = /^(?:Eval|Range|Reference|Syntax|Type|URI)?Error$/;
const ERROR_PROPERTY = /^(?:name|message|cause|stack)$/;

export type Kind =
  | 'Object'
  | 'Array'
  | 'Date'
  | 'RegExp'
  | 'Map'
  | 'Set'
  | 'ArrayBuffer'
  | 'URL'
  | 'TypedArray'
  | 'Error';

/** The kind of an object of any realm (`vm`, Jest), where `instanceof` fails; `undefined` if it cannot be kept. */
export function kindOf(value: object): Kind | undefined {
  const prototype = prototypeOf(value);
  if (ArrayBuffer.isView(value)) {
    const [view, className] = [typedArrayName(value), classOf(prototype)];
    return className === view || (className === 'Buffer' && view === 'Uint8Array') ? 'TypedArray' : undefined;
  }
  const isArray = Array.isArray(value);
  const tag = isArray ? 'Array' : Object.prototype.toString.call(value).slice(8, -1);
  if (prototype === null || prototype === Object.prototype) return tag === 'Object' ? tag : undefined;
  const tagged = Symbol.toStringTag in value;
  // Arrays and Dates of this realm are told first, because the names of classes take longer to read.
  if (isArray ? prototype === Array.prototype : prototype === Date.prototype && tag === 'Date' && !tagged)
    return tag as Kind;
  const className = classOf(prototype);
  if (tag === 'Error' && !tagged) return isKeptError(value as Error, prototype, className) ? 'Error' : undefined;
  if (className !== tag || !(tagged ? TAGGED : UNTAGGED).test(tag)) return undefined;
  // Rules out subclasses: only `Object.prototype` may follow in the prototype chain.
  const top = tag === 'Object' ? prototype : prototypeOf(prototype);
  return classOf(top) === 'Object' && prototypeOf(top as object) === null ? (tag as Kind) : undefined;
}

function isKeptError(error: Error, prototype: object, className: string): boolean {
  return (
    KEPT_ERROR.test(className) &&
    Object.hasOwn(prototype, 'message') &&
    Object.keys(error).every((key) => ERROR_PROPERTY.test(key))
  );
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

/** The name of the class whose prototype this is; an empty string if it has none. */
function classOf(prototype: object | null): string {
  const name: unknown = prototype !== null && Object.hasOwn(prototype, 'constructor') && prototype.constructor?.name;
  return typeof name === 'string' ? name : '';
}

/** Describes a refused value for a `ValueError`, by its type or class name. Never quotes the value. */
export function describeKind(value: unknown): string {
  if (typeof value !== 'object' || value === null) return describe(value);
  const className = classOf(prototypeOf(value));
  const name = /^[\w$]{1,64}$/.test(className) ? className : 'class instance';
  if (name === 'Object') return 'an object that is not plain';
  return withArticle(name);
}
