/** The deepest nesting of containers: the recursive walks must fit into the stack that the caller leaves. */
export const MAX_DEPTH = 1000;

/** The maximum number of containers that `isPlain` visits. Shared parts could otherwise make the walk endless. */
const MAX_CONTAINERS = 10_000_000;

let containers = 0;

/**
 * Whether `JSON.stringify` certainly keeps a value exactly. `false` means that the writer has to decide. Reads each
 * property once; `JSON.stringify` then reads it again.
 */
export function isPlain(value: unknown): boolean {
  containers = 0;
  try {
    return walk(value, 0);
  } catch {
    // A getter or a proxy in the value threw, or the stack overflowed; the writer reports it.
    return false;
  }
}

function walk(value: unknown, depth: number): boolean {
  // A `switch` on the type takes a tenth longer.
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  // The difference is NaN for NaN and infinities. The inverse of -0 is -Infinity.
  if (typeof value === 'number') return value - value === 0 && (value !== 0 || 1 / value > 0);
  return typeof value === 'object' && walkContainer(value, depth + 1);
}

function walkContainer(value: object, depth: number): boolean {
  containers += 1;
  if (depth > MAX_DEPTH || containers > MAX_CONTAINERS) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // `JSON.stringify` would call it, even if inherited or non-enumerable.
  if ((value as { toJSON?: unknown }).toJSON !== undefined) return false;
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return false;
    // By index, so that a hole is read as `undefined`, which is not plain.
    for (let index = 0; index < value.length; index++) if (!walk(value[index], depth)) return false;
    return true;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  // Rules out `arguments`, `Math`, and for example a Date or bytes whose prototype was replaced.
  if (Object.prototype.toString.call(value) !== '[object Object]' || ArrayBuffer.isView(value)) return false;
  for (const key in value) {
    if (key === '__proto__' || !walk((value as Record<string, unknown>)[key], depth)) return false;
  }
  return true;
}
