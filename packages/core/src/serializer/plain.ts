/** How deep containers may nest: what the codec can walk on the stack that a caller leaves. */
export const MAX_DEPTH = 1000;

/** Containers that the quick walk looks at. What holds more may share parts so often that it would never end. */
const MOST_CONTAINERS = 10_000_000;

let containers = 0;

/**
 * Whether `JSON.stringify` keeps this value exactly. `false` only means that it takes a closer look. The quick walk reads
 * each property once and `JSON.stringify` once more.
 */
export function isPlain(value: unknown): boolean {
  containers = 0;
  return walk(value, 0);
}

function walk(value: unknown, depth: number): boolean {
  // A switch on the kind takes a tenth longer.
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  // A difference is NaN for NaN and the infinities; -0 alone has an infinite negative inverse.
  if (typeof value === 'number') return value - value === 0 && (value !== 0 || 1 / value > 0);
  return typeof value === 'object' && walkContainer(value, depth + 1);
}

function walkContainer(value: object, depth: number): boolean {
  containers += 1;
  if (depth > MAX_DEPTH || containers > MOST_CONTAINERS) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // `JSON.stringify` would call it, inherited and hidden ones too.
  if ((value as { toJSON?: unknown }).toJSON !== undefined) return false;
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return false;
    // By index, so that a hole is seen as the undefined that it is not.
    for (let index = 0; index < value.length; index++) if (!walk(value[index], depth)) return false;
    return true;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  // `arguments`, `Math` and a Date without its prototype are no plain objects, though they look like it.
  if (Object.prototype.toString.call(value) !== '[object Object]') return false;
  for (const key in value) {
    if (key === '__proto__' || !walk((value as Record<string, unknown>)[key], depth)) return false;
  }
  return true;
}
