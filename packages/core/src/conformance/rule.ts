import type { CacheBackend, Capabilities } from '../backend.ts';
import type { CacheError, CacheErrorCode } from '../errors.ts';
import type { RemoteOptions } from '../options.ts';

/** One sentence of the contract that a backend keeps or breaks. */
export interface Rule {
  /** Stable, and quoted in titles, failures and docs: `ttl/replaced-by-set`. */
  readonly id: string;
  /** The sentence. */
  readonly text: string;
  /** Why the contract says so, where the sentence does not tell. */
  readonly why?: string;
  /** For which backends; by default all. */
  readonly when?: (capabilities: Capabilities) => boolean;
  /** Lets time pass: such rules wait side by side. */
  readonly waits?: boolean;
  readonly run: (trial: Trial) => Promise<void>;
}

/** Options that the suite gives to the factory of the backend it tries. */
export type CreateOptions = RemoteOptions;

/** What a rule is tried with. */
export interface Trial {
  /** A backend in a namespace of this trial's own. */
  readonly cache: CacheBackend;
  readonly capabilities: Capabilities;
  /** Another backend on the same server and in the same namespace, unless `options` say otherwise. */
  open(options?: CreateOptions): Promise<CacheBackend>;
  /** The namespace of this trial. */
  readonly namespace: string;
  /** Whether time passes at once, because the suite moves the clock. */
  readonly instant: boolean;
  /** Lets at least so many seconds pass. */
  wait(seconds: number): Promise<void>;
  /** Waits until an entry with such a TTL, made before, must be gone. */
  outlive(ttl: number): Promise<void>;
  /** Fails unless both are equal. */
  equal(actual: unknown, expected: unknown): void;
  /** Fails unless it holds; `claim` is what was expected, in words. */
  holds(condition: boolean, claim: string): void;
  /** Fails unless the call rejects with a `CacheError` of this code that says all that such an error has to say. */
  rejects(call: Promise<unknown>, code: CacheErrorCode): Promise<CacheError>;
}

/** How a backend is tried. */
export interface SuiteOptions {
  readonly create: (options: CreateOptions) => CacheBackend | Promise<CacheBackend>;
  readonly capabilities: Capabilities;
  /** Of a backend whose time the suite moves: no rule waits then. */
  readonly clock?: { advance(milliseconds: number): void } | undefined;
  /** Milliseconds that a rule may take, 25,000 by default: more for a server that is far away. */
  readonly ruleTimeoutMs?: number | undefined;
}
