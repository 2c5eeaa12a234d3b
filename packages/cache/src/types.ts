import {
  applyType,
  CacheError,
  type CacheErrorOptions,
  isThenable,
  TypeMismatch,
  type ValueType,
} from '@ninefold/core';

/** Converts a value by its type; `undefined` if the type refuses it. A promise only if the type is asynchronous. */
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

/** Converts a loaded value by its type; rejects `TYPE_MISMATCH` if refused. A type may let `undefined` pass. */
export async function convertOrThrow(
  type: ValueType<unknown> | undefined,
  value: unknown,
  where: Pick<CacheErrorOptions, 'backend' | 'operation' | 'key'>,
): Promise<unknown> {
  if (type === undefined) return value;
  try {
    return await applyType(type, value);
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error;
    const { message: reason, issues, thrown } = error;
    // The type took `undefined` and returned it: there is no value, and the type allows that.
    if (value === undefined && issues === undefined && thrown === undefined) return undefined;
    throw new CacheError({ ...where, code: 'TYPE_MISMATCH', reason, issues });
  }
}
