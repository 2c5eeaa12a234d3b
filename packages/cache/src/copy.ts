import { superjsonSerializer } from '@ninefold/core';

/** A value written down, so that later changes of it are not seen. */
export interface Written {
  /** `undefined` for what cannot be written so, but perhaps by the backend's own serializer. */
  readonly text: string | undefined;
  /** Why it cannot, with the place in it. */
  readonly reason: string | undefined;
}

export function write(value: unknown): Written {
  try {
    return { text: superjsonSerializer.serialize(value), reason: undefined };
  } catch (error) {
    return { text: undefined, reason: error instanceof Error ? error.message : undefined };
  }
}

/** A value of the reader's own; what could not be written is shared. */
export function read({ text }: Written, value: unknown): unknown {
  return text === undefined ? value : superjsonSerializer.deserialize(text);
}

export function copy(value: unknown): unknown {
  return isMutable(value) ? read(write(value), value) : value;
}

/** What is given to be stored. */
export interface Given {
  /** As it is at this moment. */
  readonly value: unknown;
  /** Ours cannot write it, so the backend may refuse it. */
  readonly isDoubtful: boolean;
}

export function take(value: unknown): Given {
  const own = copy(value);
  // Of what is written there is a copy.
  const isUnwritten = own === value && isMutable(value);
  return { value: own, isDoubtful: isUnwritten || typeof value === 'function' || typeof value === 'symbol' };
}

export function isMutable(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
