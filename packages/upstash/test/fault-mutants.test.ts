import { type CacheBackend, isCacheError, missOnError, type RemoteOptions } from '@ninefold/core';
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

/** The right backend, every call of which goes through `around`. */
function through(
  service: Service,
  options: RemoteOptions,
  around: (operation: string, call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>,
): CacheBackend {
  return new Proxy(upstashBackend({ ...service, ...options }), {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      const call = (member as Call).bind(target);
      return (...args: never[]) => around(String(property), () => call(...args), args);
    },
  });
}

/** A fetch that hands over an answer as soon as its first bytes are there. */
const hasty: typeof fetch = async (...args) => {
  const response = await fetch(...args);
  const first = await response.body?.getReader().read();
  return new Response(first?.value ?? null, { status: response.status, headers: response.headers });
};

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
  {
    name: 'says of lost increments that they were not applied',
    breaks: ['faults/reply-lost-fin', 'faults/close-during'],
    make: (service, options) =>
      through(service, options, (_, call) =>
        call().catch((error: unknown) => {
          throw isCacheError(error) ? error.with({ maybeApplied: false }) : error;
        }),
      ),
  },
  {
    name: 'does not say where a batch failed',
    breaks: ['faults/refused'],
    make: (service, options) =>
      through(service, options, (operation, call) =>
        call().catch((error: unknown) => {
          throw isCacheError(error) && /Many|multi/.test(operation) ? error.with({ key: undefined }) : error;
        }),
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
    name: 'sends later what it has rejected',
    breaks: ['faults/refused'],
    make: (service, options) =>
      through(service, options, (operation, call) =>
        call().catch((error: unknown) => {
          // Not until it is stored once: on a busy machine that may be before what it must not be sent over.
          const again = (times: number): void => {
            call().catch(() => undefined);
            if (times > 0) setTimeout(again, 100, times - 1);
          };
          if (operation === 'setValue') setTimeout(again, 100, 50);
          throw error;
        }),
      ),
  },
  {
    name: 'gives a late answer to the next call',
    breaks: ['faults/late-answer'],
    make: (service, options) => {
      const patient = upstashBackend({ ...service, ...options, timeoutMs: 20_000 });
      let late: unknown;
      return through(service, options, async (operation, call, [key]) => {
        if (operation !== 'getValue') return await call();
        const held = late;
        late = undefined;
        if (held !== undefined) return held;
        return await call().catch((error: unknown) => {
          void patient.getValue(String(key)).then((value) => {
            late = value;
          });
          throw error;
        });
      });
    },
  },
  {
    name: 'shows the token in its errors',
    breaks: ['faults/refused'],
    make: (service, options) =>
      through(service, options, (_, call) =>
        call().catch((error: unknown) => {
          throw Object.assign(error as Error, { request: { authorization: service.token } });
        }),
      ),
  },
  {
    name: 'does not end while the server is silent',
    breaks: ['faults/close-during'],
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
];

describe('the fault rules', () => {
  for (const { name, breaks, make } of mutants) {
    it(`catch a client that ${name}`, async () => {
      const { lab, stop } = await startLab(make);
      try {
        const caught: string[] = [];
        for (const rule of faults.filter(({ id }) => breaks.includes(id))) {
          await runFaultRule(rule, lab, name).catch(() => caught.push(rule.id));
        }
        expect(caught.sort()).toEqual([...breaks].sort());
      } finally {
        await stop();
      }
    }, 60_000);
  }

  it('are each broken by some wrong client', () => {
    const broken = new Set(mutants.flatMap(({ breaks }) => breaks));
    expect(faults.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([]);
  });
});
