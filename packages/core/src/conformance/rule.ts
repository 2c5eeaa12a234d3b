import type { CacheBackend, Capabilities } from '../backend.ts';
import type { CacheError, CacheErrorCode } from '../errors.ts';
import type { RemoteOptions } from '../options.ts';

/** One sentence of the contract, as a test that a backend passes or fails. */
export interface Rule {
  /** A stable id, quoted in titles, failures and docs, such as `ttl/replaced-by-set`. */
  readonly id: string;
  /** The sentence. */
  readonly text: string;
  /** The reason for the sentence, if it is not obvious. */
  readonly why?: string;
  /** Whether the rule applies to a backend with these capabilities. Default: to all. */
  readonly when?: (capabilities: Capabilities) => boolean;
  /** Whether the rule waits for time to pass. Such rules run concurrently. */
  readonly waits?: boolean;
  readonly run: (trial: Trial) => Promise<void>;
}

/** The options that the suite passes to the factory of the backend under test. */
export type CreateOptions = RemoteOptions;

/** The context of one run of a rule. */
export interface Trial {
  /** A backend in the namespace of this trial. */
  readonly cache: CacheBackend;
  readonly capabilities: Capabilities;
  /** Opens another backend on the same server, in the same namespace unless `options` has one. */
  open(options?: CreateOptions): Promise<CacheBackend>;
  /** The namespace of this trial, which no other trial uses. */
  readonly namespace: string;
  /** Whether waiting takes no time, because the suite controls the clock. */
  readonly instant: boolean;
  /** Waits for at least so many seconds. */
  wait(seconds: number): Promise<void>;
  /** Waits until an entry that was stored before with this TTL must have expired. */
  outlive(ttl: number): Promise<void>;
  /** Fails the rule unless both are equal. */
  equal(actual: unknown, expected: unknown): void;
  /** Fails the rule unless the condition holds. `claim` is the expectation in words. */
  holds(condition: boolean, claim: string): void;
  /** Fails the rule unless the call rejects with a `CacheError` of this code that has all required properties. */
  rejects(call: Promise<unknown>, code: CacheErrorCode): Promise<CacheError>;
}

/** How the suite runs against a backend. */
export interface SuiteOptions {
  /** Creates the backend under test with these options: their namespaces keep the rules apart on a shared server. */
  readonly create: (options: CreateOptions) => CacheBackend | Promise<CacheBackend>;
  /** The capabilities that the backend has. They decide which rules apply. */
  readonly capabilities: Capabilities;
  /** For a backend with a clock that the suite controls. No rule waits then. */
  readonly clock?: { advance(milliseconds: number): void } | undefined;
  /** The timeout of a rule in milliseconds; default 25,000. Raise it for a distant server. */
  readonly ruleTimeoutMs?: number | undefined;
}
