/** Whether two values of the kinds that a cache keeps are equal in kind, order and bits. Supports cycles. */
export function equal(a: unknown, b: unknown, seen: Map<object, unknown> = new Map()): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  const partsOfA = partsOf(a);
  const partsOfB = partsOf(b);
  return (
    partsOfA.kind === partsOfB.kind &&
    partsOfA.parts.length === partsOfB.parts.length &&
    partsOfA.parts.every((part, index) => equal(part, partsOfB.parts[index], seen))
  );
}

/** An object's kind and parts. Two objects are equal if their kinds are the same and their parts are equal. */
function partsOf(value: object): { readonly kind: string; readonly parts: readonly unknown[] } {
  // Includes the indexes, because a hole has none.
  if (Array.isArray(value)) return { kind: 'array', parts: [...value, ...Object.keys(value)] };
  if (value instanceof Date) return { kind: 'Date', parts: [value.getTime()] };
  if (value instanceof RegExp) return { kind: 'RegExp', parts: [value.source, value.flags] };
  if (value instanceof URL) return { kind: 'URL', parts: [value.href] };
  if (value instanceof Map) return { kind: 'Map', parts: [...value].flat(1) };
  if (value instanceof Set) return { kind: 'Set', parts: [...value] };
  if (value instanceof Error)
    return { kind: 'Error', parts: [value.name, value.message, 'cause' in value, value.cause] };
  if (ArrayBuffer.isView(value)) return { kind: value.constructor.name, parts: [...(value as Uint8Array)] };
  const keys = Object.keys(value).sort();
  const plain = Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
  return {
    kind: plain ? 'object' : 'other',
    parts: keys.flatMap((key) => [key, (value as Record<string, unknown>)[key]]),
  };
}
