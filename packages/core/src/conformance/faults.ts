import type { CacheBackend } from '../backend.ts';
import type { CreateOptions } from './rule.ts';

/** What goes wrong between a backend and its server. A link that lost bytes never speaks again. */
export type Fault =
  /** Connections are refused, and those there were are reset. */
  | { readonly kind: 'refuse' }
  /** Connections are taken and never answered; those there were fall silent. */
  | { readonly kind: 'silence' }
  /** The next request does not arrive, or the answer to it is lost; the link ends by RST, by FIN, or falls silent. */
  | { readonly kind: 'cut'; readonly on: 'request' | 'reply'; readonly by: 'rst' | 'fin' | 'silence' }
  /** Every link ends at once; new ones are fine. */
  | { readonly kind: 'idle-cut'; readonly by: 'rst' | 'fin' }
  /** The next answer ends in its middle, and the link with it. */
  | { readonly kind: 'half-reply' }
  /** The next answer is not what the server sent. */
  | { readonly kind: 'garbage' }
  /** Answers come so many milliseconds late. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Answers come one byte at a time. */
  | { readonly kind: 'trickle' }
  /** On the links that there are answers come a byte now and then, until the next fault ends these; new ones are fine. */
  | { readonly kind: 'drip' };

/** How the suite breaks the way to a server, for adapters that have one. */
export interface FaultLab {
  /** A backend whose way to the server can be broken. */
  readonly create: (options: CreateOptions) => CacheBackend;
  /** A backend with a way of its own, which tells what the server really holds. */
  readonly direct: (options: CreateOptions) => CacheBackend;
  /** Breaks the way; `undefined` mends it. */
  readonly set: (fault: Fault | undefined) => Promise<void>;
  /** Everything that an error shows, by any means that the runtime has (`inspect` with depth). */
  readonly inspect: (error: unknown) => string;
  /** What no error may show: passwords and tokens. */
  readonly secrets: readonly string[];
}

/** One sentence of the contract that a backend keeps while its server fails. */
export interface FaultRule {
  readonly id: string;
  readonly text: string;
  readonly run: (lab: FaultLab, namespace: string) => Promise<void>;
}
