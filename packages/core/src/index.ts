export type { StandardSchemaV1 } from '@standard-schema/spec';
export type { CacheBackend, Capabilities, Operation, ReadOptions, ValueType, WriteOptions } from './backend.ts';
export { createBackend } from './create-backend.ts';
export {
  type Awaitable,
  type CacheDriver,
  type Call,
  DriverError,
  type DriverErrorOptions,
  type Found,
  isDriverError,
  type Stored,
} from './driver.ts';
export { CacheError, type CacheErrorCode, type CacheErrorOptions, type CauseOptions, isCacheError } from './errors.ts';
export { MAX_KEY_BYTES, utf8Bytes } from './keys.ts';
export { type BackendOptions, invalidOptions, type RemoteOptions } from './options.ts';
export { inParts, type PartLimits, sendParts, underKey } from './parts.ts';
export type { TypedArray } from './serializer/bytes.ts';
export { bytesTransformer, type Serializer, superjsonSerializer } from './serializer.ts';
export { assertSizes } from './sizes.ts';
export { invalidTtl, MAX_TTL } from './ttl.ts';
export { applyType, isThenable, isValueType, TypeMismatch } from './value-type.ts';
export { type MissOnErrorOptions, missOnError } from './wrappers/miss-on-error.ts';
export { type CacheEvent, type CacheListener, observed } from './wrappers/observed.ts';
export { raise } from './wrappers/raise.ts';
export { SCOPE, scoped } from './wrappers/scoped.ts';
