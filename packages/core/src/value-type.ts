import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ValueType } from './backend.ts';
import { nameOf } from './errors.ts';

/** The error for a hit that its `type` refused. */
export class TypeMismatch extends Error {
  readonly issues: readonly StandardSchemaV1.Issue[] | undefined;
  /** The name of the error that the validator threw. */
  readonly thrown: string | undefined;

  constructor(message: string, issues?: readonly StandardSchemaV1.Issue[], thrown?: string) {
    super(message);
    this.issues = issues;
    this.thrown = thrown;
  }
}

/** Whether it can be the `type` of a read: a Standard Schema or a function. */
export function isValueType(type: unknown): type is ValueType<unknown> {
  return typeof type === 'function' || standardOf(type) !== undefined;
}

/** Applies a type to a hit. Returns a promise only if the type does; throws or rejects only with `TypeMismatch`. */
export function applyType(type: ValueType<unknown>, value: unknown): unknown {
  // Checked before functions, because the schemas of arktype are functions too.
  const standard = standardOf(type);
  const finish = standard === undefined ? defined : outputOf;
  try {
    const result = standard === undefined ? (type as (value: unknown) => unknown)(value) : standard.validate(value);
    return isThenable(result) ? Promise.resolve(result).then(finish).catch(mismatch) : finish(result);
  } catch (error) {
    return mismatch(error);
  }
}

function standardOf(type: unknown): StandardSchemaV1.Props<unknown> | undefined {
  const standard = (type as Partial<StandardSchemaV1> | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function' ? standard : undefined;
}

function outputOf(result: unknown): unknown {
  const { issues, value } = result as StandardSchemaV1.FailureResult & StandardSchemaV1.SuccessResult<unknown>;
  if (issues !== undefined) throw new TypeMismatch('the value does not match its type', issues);
  return defined(value);
}

function defined(output: unknown): unknown {
  if (output === undefined) throw new TypeMismatch('the type returned undefined, which means a miss');
  return output;
}

function mismatch(error: unknown): never {
  if (error instanceof TypeMismatch) throw error;
  const name = nameOf(error);
  throw new TypeMismatch(`the type threw ${name}`, undefined, name);
}

/** Whether it has a `then` method, as every promise does. Functions do not count. */
export function isThenable(thing: unknown): thing is PromiseLike<unknown> {
  return typeof thing === 'object' && thing !== null && typeof (thing as { then?: unknown }).then === 'function';
}
