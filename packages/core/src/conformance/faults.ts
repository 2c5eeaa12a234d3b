import type { CacheBackend } from '../backend.ts';
import type { CreateOptions } from './rule.ts';

/** A fault between a backend and its server. A connection that lost bytes carries no more data. */
export type Fault =
  /** New connections are refused, existing ones are reset. */
  | { readonly kind: 'refuse' }
  /** New connections are accepted and never answered; existing ones fall silent. */
  | { readonly kind: 'silence' }
  /** The next request or its reply is lost, and the connection ends by RST, ends by FIN, or falls silent. */
  | { readonly kind: 'cut'; readonly on: 'request' | 'reply'; readonly by: 'rst' | 'fin' | 'silence' }
  /** All connections end at once; new ones work. */
  | { readonly kind: 'idle-cut'; readonly by: 'rst' | 'fin' }
  /** The next reply is cut off in the middle, and the connection ends. */
  | { readonly kind: 'half-reply' }
  /** The next reply is replaced by garbage. */
  | { readonly kind: 'garbage' }
  /** Replies arrive so many milliseconds late. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Replies arrive one byte at a time. */
  | { readonly kind: 'trickle' }
  /** On existing connections a byte of a reply arrives now and then, until the next fault ends them; new ones work. */
  | { readonly kind: 'drip' };

/** The means to inject faults between a backend and its server, for adapters that have a server. */
export interface FaultLab {
  /** Creates a backend whose connections go through the faults. */
  readonly create: (options: CreateOptions) => CacheBackend;
  /** Creates a backend with connections of its own, without faults, which shows what the server holds. */
  readonly direct: (options: CreateOptions) => CacheBackend;
  /** Injects a fault; `undefined` ends it. */
  readonly set: (fault: Fault | undefined) => Promise<void>;
  /** Everything that an error shows by any means of the runtime, such as `inspect` with a depth. */
  readonly inspect: (error: unknown) => string;
  /** Passwords and tokens, which no error may show. */
  readonly secrets: readonly string[];
}

/** One sentence of the contract about failing servers. */
export interface FaultRule {
  readonly id: string;
  readonly text: string;
  readonly run: (lab: FaultLab, namespace: string) => Promise<void>;
}
