import { applyType, CacheError, isThenable, TypeMismatch, type ValueType } from '@ninefold/core';

/** A value as its type has it, a promise only where the type is one, or `undefined` if the type refuses it. */
export function convertOrMiss(type: ValueType<unknown> | undefined, value: unknown): unknown {
  if (type === undefined || value === undefined) return value;
  try {
    const output = applyType(type, value);
    return isThenable(output) ? Promise.resolve(output).catch(missIfMistyped) : output;
  } catch (error) {
    return missIfMistyped(error);
  }
}

function missIfMistyped(error: unknown): undefined {
  if (!(error instanceof TypeMismatch)) throw error;
}

/** A loaded value as its type has it; rejects `TYPE_MISMATCH` if the type refuses it. `undefined` may stay what it is. */
export async function convertOrThrow(
  type: ValueType<unknown> | undefined,
  value: unknown,
  where: Pick<CacheError, 'backend' | 'operation' | 'key'>,
): Promise<unknown> {
  if (type === undefined) return value;
  try {
    return await applyType(type, value);
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error;
    const { message: reason, issues, thrown } = error;
    // Neither refused nor thrown at: there is none, and the type allows it.
    if (value === undefined && issues === undefined && thrown === undefined) return undefined;
    throw new CacheError({ ...where, code: 'TYPE_MISMATCH', reason, issues });
  }
}
