import { typedArrayName } from './bytes.ts';

// Brand checks: each getter or method below throws for anything that lacks the internal slot, whatever its prototype or
// its `Symbol.toStringTag` says, and works on objects of another realm (`vm`, Jest), on which `instanceof` fails.
const getter = (prototype: object, name: string): ((this: unknown) => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => unknown;
const mapSize = getter(Map.prototype, 'size');
const setSize = getter(Set.prototype, 'size');
const regexpSource = getter(RegExp.prototype, 'source');
const bufferLength = getter(ArrayBuffer.prototype, 'byteLength');
const dateTime = Date.prototype.getTime;

function has(check: (this: unknown) => unknown, value: unknown): boolean {
  try {
    check.call(value);
    return true;
  } catch {
    return false;
  }
}

/** `Error` and its built-in subclasses that hold nothing besides name, message and cause. */
const ERRORS = new Set(['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError']);
const OF_ERRORS = new Set(['name', 'message', 'cause', 'stack']);

export type Kind = 'array' | 'object' | 'date' | 'regexp' | 'url' | 'map' | 'set' | 'view' | 'buffer' | 'error';

/** What kind of kept object this is; `undefined`: none. */
export function kindOf(value: object): Kind | undefined {
  if (Array.isArray(value)) return isBuiltIn(value, 'Array') ? 'array' : undefined;
  if (ArrayBuffer.isView(value)) return isTypedArray(value) ? 'view' : undefined;
  switch (Object.prototype.toString.call(value)) {
    case '[object Object]':
      return isPlainObject(value) ? 'object' : undefined;
    case '[object Date]':
      return has(dateTime, value) && isBuiltIn(value, 'Date') ? 'date' : undefined;
    case '[object RegExp]':
      return has(regexpSource, value) && isBuiltIn(value, 'RegExp') ? 'regexp' : undefined;
    case '[object Map]':
      return has(mapSize, value) && isBuiltIn(value, 'Map') ? 'map' : undefined;
    case '[object Set]':
      return has(setSize, value) && isBuiltIn(value, 'Set') ? 'set' : undefined;
    case '[object ArrayBuffer]':
      return has(bufferLength, value) && isBuiltIn(value, 'ArrayBuffer') ? 'buffer' : undefined;
    case '[object URL]':
      return isUrl(value) ? 'url' : undefined;
    case '[object Error]':
      return isError(value) ? 'error' : undefined;
    default:
      return undefined;
  }
}

/** Not a subclass: its prototype is the one whose constructor bears the name and which inherits from no other of them. */
function isBuiltIn(value: object, name: string): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, 'constructor')) return false;
  const parent: unknown = Object.getPrototypeOf(prototype);
  return (prototype.constructor as { name?: unknown } | undefined)?.name === name && isObjectPrototype(parent);
}

/** A typed array itself or Node's `Buffer`, and no other subclass. */
function isTypedArray(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, 'constructor')) return false;
  const name = typedArrayName(value);
  const called = (prototype.constructor as { name?: unknown } | undefined)?.name;
  return name !== undefined && (called === name || (called === 'Buffer' && name === 'Uint8Array'));
}

/** `Object.prototype` of any realm. */
function isObjectPrototype(value: unknown): boolean {
  if (value === Object.prototype) return true;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== null) return false;
  return Object.hasOwn(value, 'hasOwnProperty') && Object.hasOwn(value, 'isPrototypeOf');
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || isObjectPrototype(prototype);
}

function isUrl(value: object): boolean {
  const { href } = value as { href?: unknown };
  return typeof href === 'string' && value.constructor?.name === 'URL' && URL.canParse(href);
}

function isError(value: object): boolean {
  // The tag comes from the internal slot unless something poses as an error.
  if (Symbol.toStringTag in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, 'constructor')) return false;
  const name = (prototype.constructor as { name?: unknown } | undefined)?.name;
  if (typeof name !== 'string' || !ERRORS.has(name) || !Object.hasOwn(prototype, 'message')) return false;
  const { name: called, message } = value as Error;
  return (
    typeof called === 'string' && typeof message === 'string' && Object.keys(value).every((key) => OF_ERRORS.has(key))
  );
}

/** What stands there, for a `ValueError`: a kind or the name of a class, never a value. */
export function describeKind(value: unknown): string {
  if (typeof value !== 'object' || value === null)
    return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const called: unknown = (prototype as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  const name = typeof called === 'string' && /^[\w$]{1,64}$/.test(called) ? called : 'class instance';
  if (name === 'Object') return 'an object that is not plain';
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
