import { type CacheBackend, type CacheError, isCacheError, missOnError, type RemoteOptions } from '@ninefold/core';
import { faults, runFaultRule } from '@ninefold/core/conformance';
import { Redis } from '@upstash/redis';
import { describe, expect, it } from 'vitest';
import { upstashBackend } from '../src/upstash.ts';
import { startLab } from './support/lab.ts';

interface Service {
  readonly url: string;
  readonly token: string;
}

type Call = (...args: never[]) => Promise<unknown>;

/** What a wrong client does, and the rules that must tell. */
interface Mutant {
  readonly name: string;
  readonly breaks: readonly string[];
  readonly make: (service: Service, options: RemoteOptions) => CacheBackend;
}

const READS = ['getValue', 'multiGetValues', 'exists'];
const WRITES = ['incr', 'setValue', 'multiSetValues', 'delete', 'deleteMany'];
const OPERATIONS = [...READS, ...WRITES, 'close'];

/** The right backend, every call of which goes through `around`. */
function through(
  service: Service,
  options: RemoteOptions,
  around: (operation: string, call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>,
): CacheBackend {
  return new Proxy(upstashBackend({ ...service, ...options }), {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (!OPERATIONS.includes(String(property))) return member;
      const call = (member as Call).bind(target);
      return (...args: never[]) => around(String(property), () => call(...args), args);
    },
  });
}

/** The right backend, what it rejects with changed. */
function failing(
  service: Service,
  options: RemoteOptions,
  change: (error: CacheError, operation: string, args: readonly unknown[]) => unknown,
): CacheBackend {
  return through(service, options, (operation, call, args) =>
    call().catch((error: unknown) => {
      throw isCacheError(error) ? change(error, operation, args) : error;
    }),
  );
}

/** The right backend, except for writes that lose their connection while other writes are in flight. */
function lostTogether(
  service: Service,
  options: RemoteOptions,
  change: (error: CacheError, call: () => Promise<unknown>) => Promise<unknown>,
): CacheBackend {
  let inFlight = 0;
  return through(service, options, async (operation, call) => {
    if (!WRITES.includes(operation)) return await call();
    inFlight += 1;
    try {
      return await call();
    } catch (error) {
      if (!isCacheError(error) || error.code !== 'UNAVAILABLE' || inFlight === 1) throw error;
      return await change(error, call);
    } finally {
      inFlight -= 1;
    }
  });
}

/** A fetch that hands over an answer as soon as its first bytes are there. */
const hasty: typeof fetch = async (...args) => {
  const response = await fetch(...args);
  const first = await response.body?.getReader().read();
  return new Response(first?.value ?? null, { status: response.status, headers: response.headers });
};

/** A fetch of one request at a time, which it never gives up. */
function patient(): typeof fetch {
  let before: Promise<unknown> = Promise.resolve();
  return (url, { signal: _, ...init } = {}) => {
    const response = before.then(async () => {
      const { status, headers, body } = await fetch(url, init);
      return new Response(await new Response(body).text(), { status, headers });
    });
    before = response.catch(() => undefined);
    return response;
  };
}

const mutants: readonly Mutant[] = [
  {
    name: 'sends again whatever was lost, as the client does by default',
    breaks: ['faults/request-lost-rst', 'faults/reply-lost-rst', 'faults/reply-lost-fin'],
    make: (service, options) =>
      upstashBackend({
        client: new Redis({ ...service, automaticDeserialization: false, enableTelemetry: false }),
        ...options,
      }),
  },
  {
    name: 'waits without a deadline',
    breaks: [
      'faults/silent',
      'faults/slower-than-deadline',
      'faults/request-lost-silence',
      'faults/reply-lost-silence',
    ],
    make: (service, options) => upstashBackend({ ...service, ...options, timeoutMs: 5000 }),
  },
  {
    name: 'has no deadline if none is given',
    breaks: ['faults/default-deadline'],
    make: (service, options) =>
      upstashBackend({ ...service, ...('timeoutMs' in options ? {} : { timeoutMs: 60_000 }), ...options }),
  },
  {
    name: 'has no deadline if it is given as undefined',
    breaks: ['faults/default-deadline'],
    make: (service, options) =>
      upstashBackend({
        ...service,
        ...options,
        timeoutMs: 'timeoutMs' in options ? (options.timeoutMs ?? 60_000) : 5000,
      }),
  },
  {
    name: 'takes a stall of its own for a connection that was lost',
    breaks: ['faults/stalled'],
    make: (service, options) =>
      through(service, options, async (_, call) => {
        const start = performance.now();
        return await call().catch((error: CacheError) => {
          const isStall = performance.now() - start > 1.8 * (options.timeoutMs ?? 0);
          throw isStall ? error.with({ code: 'UNAVAILABLE' }) : error;
        });
      }),
  },
  {
    name: 'gives up long before its deadline',
    breaks: ['faults/slow-but-in-time'],
    make: (service, options) => upstashBackend({ ...service, ...options, timeoutMs: 50 }),
  },
  {
    name: 'takes failures for misses and for success',
    breaks: ['faults/refused', 'faults/half-reply', 'faults/garbage', 'faults/request-lost-fin'],
    make: (service, options) => missOnError(upstashBackend({ ...service, ...options }), { onError: () => undefined }),
  },
  {
    name: 'counts twice',
    breaks: ['faults/idle-cut'],
    make: (service, options) =>
      through(service, options, async (operation, call) => {
        if (operation === 'incr') await call();
        return await call();
      }),
  },
  ...WRITES.map(
    (each): Mutant => ({
      name: `says of a lost ${each} that it was not applied`,
      breaks: ['faults/reply-lost-fin', 'faults/close-during-delay'],
      make: (service, options) =>
        failing(service, options, (error, operation) =>
          operation === each ? error.with({ maybeApplied: false }) : error,
        ),
    }),
  ),
  ...READS.map(
    (each): Mutant => ({
      name: `takes a failed ${each} for a miss`,
      breaks: ['faults/silent', 'faults/reply-lost-silence'],
      make: (service, options) =>
        through(service, options, (operation, call, [keys]) =>
          call().catch((error: unknown) => {
            if (operation !== each) throw error;
            return each === 'exists' ? false : Array.isArray(keys) ? keys.map(() => undefined) : undefined;
          }),
        ),
    }),
  ),
  {
    name: 'says of reads that they may have been applied',
    breaks: ['faults/refused', 'faults/silent', 'faults/close-during-silence', 'faults/close-during-delay'],
    make: (service, options) =>
      failing(service, options, (error, operation) =>
        READS.includes(operation) ? error.with({ maybeApplied: true }) : error,
      ),
  },
  {
    name: 'does not say that a failure may pass',
    breaks: ['faults/refused', 'faults/silent'],
    make: (service, options) => failing(service, options, (error) => error.with({ retryable: false })),
  },
  {
    name: 'names another backend',
    breaks: ['faults/refused'],
    make: (service, options) => failing(service, options, (error) => error.with({ backend: 'redis' })),
  },
  {
    name: 'names the operation that it has made of another',
    breaks: ['faults/refused'],
    make: (service, options) =>
      failing(service, options, (error, operation) =>
        operation === 'delete' ? error.with({ operation: 'deleteMany' }) : error,
      ),
  },
  {
    name: 'fails with errors of the client',
    breaks: ['faults/refused'],
    make: (service, options) => failing(service, options, ({ message }) => new Error(message)),
  },
  {
    name: 'does not say where a batch failed',
    breaks: ['faults/refused'],
    make: (service, options) =>
      failing(service, options, (error, operation) =>
        /Many|multi/.test(operation) ? error.with({ key: undefined }) : error,
      ),
  },
  {
    name: 'does not say which key was late in a batch of one',
    breaks: ['faults/silent'],
    make: (service, options) =>
      failing(service, options, (error, _, [keys]) =>
        Array.isArray(keys) && keys.length === 1 ? error.with({ key: undefined }) : error,
      ),
  },
  {
    name: 'names the last key of a batch',
    breaks: ['faults/refused'],
    make: (service, options) =>
      failing(service, options, (error, operation, [keys]) =>
        operation === 'deleteMany' ? error.with({ key: (keys as string[]).at(-1) }) : error,
      ),
  },
  {
    name: 'fails for ever after its first failure',
    breaks: ['faults/request-lost-fin'],
    make: (service, options) => {
      let broken: unknown;
      return through(service, options, async (operation, call) => {
        if (broken !== undefined && operation !== 'close') throw broken;
        return await call().catch((error: unknown) => {
          broken = error;
          throw error;
        });
      });
    },
  },
  {
    name: 'never answers again after its first failure',
    breaks: ['faults/request-lost-fin'],
    make: (service, options) => {
      let broken = false;
      return through(service, options, async (operation, call) => {
        if (broken && operation !== 'close') return await new Promise(() => undefined);
        return await call().catch((error: unknown) => {
          broken = true;
          throw error;
        });
      });
    },
  },
  ...WRITES.map(
    (each): Mutant => ({
      name: `sends a ${each} later that it has rejected`,
      breaks: ['faults/refused'],
      make: (service, options) =>
        through(service, options, (operation, call) =>
          call().catch((error: unknown) => {
            // Not until it is stored once: on a busy machine that may be before what it must not be sent over.
            const again = (times: number): void => {
              call().catch(() => undefined);
              if (times > 0) setTimeout(again, 100, times - 1);
            };
            if (operation === each) setTimeout(again, 100, 50);
            throw error;
          }),
        ),
    }),
  ),
  {
    name: 'says of writes whose connections are lost together that they were not applied',
    breaks: ['faults/many-in-flight'],
    make: (service, options) =>
      lostTogether(service, options, (error) => {
        throw error.with({ maybeApplied: false });
      }),
  },
  {
    name: 'sends writes again whose connections are lost together',
    breaks: ['faults/many-in-flight'],
    make: (service, options) => lostTogether(service, options, (_, call) => call()),
  },
  {
    name: 'gives a late answer to the next call',
    breaks: ['faults/late-reply'],
    make: (service, options) => {
      const patient = upstashBackend({ ...service, ...options, timeoutMs: 20_000 });
      let late: unknown;
      return through(service, options, async (operation, call, [key]) => {
        if (operation !== 'getValue') return await call();
        const held = late;
        late = undefined;
        if (held !== undefined) return held;
        return await call().catch((error: unknown) => {
          void patient.getValue(String(key)).then(
            (value) => {
              late = value;
            },
            () => undefined,
          );
          throw error;
        });
      });
    },
  },
  {
    name: 'shows the token in its errors',
    breaks: ['faults/refused', 'faults/reply-lost-fin'],
    make: (service, options) =>
      failing(service, options, (error) =>
        Object.defineProperty(error, 'request', { value: { authorization: service.token } }),
      ),
  },
  {
    name: 'shows what it could not store in its errors',
    breaks: ['faults/refused', 'faults/reply-lost-fin'],
    make: (service, options) =>
      failing(service, options, (error, operation, args) =>
        operation === 'multiSetValues' ? error.with({ cause: new Error(JSON.stringify(args)) }) : error,
      ),
  },
  {
    name: 'shows the last request in itself',
    breaks: ['faults/refused', 'faults/request-lost-fin'],
    make: (service, options) => {
      const right = upstashBackend({ ...service, ...options });
      return Object.assign(right, {
        setValue: (...[key, value, given]: Parameters<CacheBackend['setValue']>) => {
          Object.assign(right, { request: ['SET', key, value] });
          return Object.getPrototypeOf(right).setValue.call(right, key, value, given);
        },
      });
    },
  },
  {
    name: 'tells keys that were to be hidden',
    breaks: ['faults/keys-hidden'],
    make: (service, { errorKeys: _, ...options }) => upstashBackend({ ...service, ...options }),
  },
  {
    name: 'tells keys that were to be hidden in the cause',
    breaks: ['faults/keys-hidden'],
    make: (service, options) =>
      failing(service, options, (error, operation, [keys]) =>
        operation === 'deleteMany' ? error.with({ cause: new Error(`DEL ${String(keys)}`) }) : error,
      ),
  },
  {
    name: 'does not end while the server is silent',
    breaks: ['faults/close-during-silence', 'faults/close-during-delay'],
    make: (service, options) =>
      through(service, options, async (operation, call) => {
        if (operation === 'close') await new Promise((resolve) => setTimeout(resolve, 3000));
        return await call();
      }),
  },
  {
    name: 'takes the first bytes of an answer for all of it',
    breaks: ['faults/trickle'],
    make: (service, options) => upstashBackend({ ...service, ...options, fetch: hasty }),
  },
  {
    name: 'stays with a connection for ever',
    breaks: ['faults/drip'],
    make: (service, options) => upstashBackend({ ...service, ...options, fetch: patient() }),
  },
];

describe('the fault rules', () => {
  for (const { name, breaks, make } of mutants) {
    // They mostly wait, but a rule that stalls the process stalls all of them.
    const test = breaks.includes('faults/stalled') ? it : it.concurrent;
    test(`catch a client that ${name}`, async () => {
      const caught: string[] = [];
      for (const rule of faults.filter(({ id }) => breaks.includes(id))) {
        // Of its own: `fetch` keeps the connections of a rule that was broken, and some of them are silent.
        const { lab, stop } = await startLab(make);
        await runFaultRule(rule, lab, name).catch(() => caught.push(rule.id));
        await stop();
      }
      expect(caught.sort()).toEqual([...breaks].sort());
    });
  }

  it('are each broken by some wrong client', () => {
    const broken = new Set(mutants.flatMap(({ breaks }) => breaks));
    expect(faults.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([]);
  });
});
