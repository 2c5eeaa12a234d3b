import { inspect } from 'node:util';
import {
  type CacheBackend,
  type CacheDriver,
  CacheError,
  type Call,
  type Capabilities,
  createBackend,
  DriverError,
} from '@ninefold/core';
import { type CreateOptions, type Fault, type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';
import { TimedDriver } from '../support/timed-driver.ts';

/** A server in memory, with backends whose requests during a fault go to `failing`, which can get the server's reply. */
function labOf(
  failing: (call: Call, args: readonly unknown[], reply: () => unknown) => unknown,
  changed: Partial<Capabilities> = {},
): FaultLab {
  const server = new TimedDriver(() => performance.now());
  const capabilities = { ...server.capabilities, ...changed };
  let fault: Fault | undefined;
  const driver = (breakable: boolean): CacheDriver =>
    new Proxy(server, {
      get: (target, property) => {
        if (property === 'capabilities') return capabilities;
        if (property === 'close') return () => undefined;
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return (...args: readonly unknown[]) => {
          const reply = (): unknown => Reflect.apply(member, target, args);
          return breakable && fault !== undefined ? failing(args.at(-1) as Call, args, reply) : reply();
        };
      },
    });
  return {
    create: (options) => createBackend(driver(true), options),
    direct: (options) => createBackend(driver(false), options),
    set: async (next) => {
      fault = next;
      // A real lab takes a turn of the event loop, too.
      await new Promise((resolve) => setImmediate(resolve));
    },
    inspect: (error) => inspect(error, { depth: 9 }),
    secrets: [],
  };
}

const tried = async (id: string, lab: FaultLab): Promise<void> => {
  const rule = faults.find((each) => each.id === `faults/${id}`);
  if (rule === undefined) throw new Error(`there is no rule of faults ${id}`);
  await runFaultRule(rule, lab);
};

/** A request that waits for a connection of a pool. */
const waits = (call: Call): Promise<never> => {
  call.sent = false;
  return new Promise(() => undefined);
};

it('accepts that a pool reports a write without a connection as not applied', async () => {
  for (const fault of ['silence', 'delay']) await tried(`close-during-${fault}`, labOf(waits));
});

it('accepts a pool whose wait for a connection ends before close does', async () => {
  const lab = labOf(async (call) => {
    call.sent = false;
    await new Promise((resolve) => setTimeout(resolve, 200));
    throw new DriverError('UNAVAILABLE', 'no connection', { applied: 'no' });
  });
  for (const fault of ['silence', 'delay']) await tried(`close-during-${fault}`, lab);
});

it('does not call incr on a backend without atomicIncr', async () => {
  const lab = labOf(
    (_call, [keys]) => {
      throw new DriverError('UNAVAILABLE', 'refused', { applied: 'no', key: String([keys].flat(2)[0]) });
    },
    { atomicIncr: false },
  );
  for (const id of ['refused', 'keys-hidden']) await tried(id, lab);
  const silent = labOf(() => new Promise(() => undefined), { atomicIncr: false });
  await tried('stalled', silent);
});

it('reports what a driver threw, and where', async () => {
  const lab = labOf(() => {
    throw new TypeError('of the client');
  });
  await expect(tried('refused', lab)).rejects.toThrow(
    /got BACKEND: \[timed\] \w+ "[^"]+": the driver threw TypeError, at .*fault-rules\.test\.ts:\d+:\d+/,
  );
});

describe('faults/reply-lost-rst', () => {
  /** A server whose replies get lost. Its nth increment is applied `times(n)` times. */
  const losing = (times: (nth: number) => number): FaultLab => {
    let increments = 0;
    return labOf(async (_call, args, reply) => {
      const isIncrement = args.length === 4;
      if (isIncrement) increments += 1;
      for (let time = isIncrement ? times(increments) : 1; time > 0; time--) await reply();
      const key = String([args[0]].flat(2)[0]);
      throw new DriverError('UNAVAILABLE', 'the reply was lost', { connectionLost: true, key });
    });
  };

  /** A correct server, but so many increments before a fault are late. */
  const late = (times: number): FaultLab => {
    let left = times;
    const lab = losing(() => 1);
    const create = (options: CreateOptions): CacheBackend => {
      const backend = lab.create(options);
      const incr = backend.incr.bind(backend);
      backend.incr = async (key, ...rest) => {
        if (key !== 'again' || left <= 0) return await incr(key, ...rest);
        left -= 1;
        const reason = 'no reply in time';
        throw new CacheError({
          code: 'TIMEOUT',
          backend: backend.name,
          operation: 'incr',
          reason,
          key,
          maybeApplied: true,
        });
      };
      return backend;
    };
    return { ...lab, create };
  };

  it('accepts a backend that sends no increment again', async () => {
    await tried(
      'reply-lost-rst',
      losing(() => 1),
    );
  });

  it('is broken by a backend that sends the first or a later increment again', async () => {
    await expect(
      tried(
        'reply-lost-rst',
        losing(() => 2),
      ),
    ).rejects.toThrow("'n' to be 10 or 11, got 12");
    const later = losing((nth) => (nth === 1 ? 1 : 2));
    await expect(tried('reply-lost-rst', later)).rejects.toThrow("'again' to be 1 or 2, got 3");
  });

  it('tries again if the increment before a fault is late, and is broken if it always is', async () => {
    await tried('reply-lost-rst', late(1));
    await expect(tried('reply-lost-rst', late(Number.POSITIVE_INFINITY))).rejects.toThrow(
      'expected incr to succeed, got TIMEOUT',
    );
  });
});

it('reports the error of a read whose connection had ended', async () => {
  const lab = labOf(() => {
    throw new DriverError('UNAVAILABLE', 'the connection ended', { connectionLost: true });
  });
  await expect(tried('idle-cut', lab)).rejects.toThrow(
    /expected 'v', from a new connection, got UNAVAILABLE: \[timed\] getValue "k": the connection ended\. A read is retried/,
  );
});

it('reports the error of a batch that does not name a key', async () => {
  const lab = labOf(() => {
    throw new DriverError('UNAVAILABLE', 'the connection ended', { applied: 'no' });
  });
  await expect(tried('refused', lab)).rejects.toThrow(
    /to name the key that failed: .* got UNAVAILABLE: \[timed\] \w+: the connection ended/,
  );
});

it('is broken by a backend that takes seconds to notice that its connection has ended', async () => {
  const lab = labOf(async (call, _args, reply) => {
    call.sent = false;
    await new Promise((resolve) => setTimeout(resolve, 5000));
    return call.ended ? undefined : reply();
  });
  await expect(tried('idle-cut', lab)).rejects.toThrow('expected getValue to settle within 4000 ms');
});

/** A server whose replies come after every deadline of the rules, in a process that stalls at so many of its requests. */
function stalling(requests: number): FaultLab {
  const lateMs = 1200;
  let left = requests;
  return labOf(async (_call, _args, reply) => {
    const late = new Promise((resolve) => setTimeout(resolve, lateMs));
    const value = reply();
    if (left > 0) {
      left -= 1;
      // All concurrent requests are sent by then.
      await new Promise((resolve) => setImmediate(resolve));
      const end = performance.now() + lateMs + 100;
      while (performance.now() < end);
    }
    await late;
    return value;
  });
}

describe.each(['slower-than-deadline', 'late-reply'])('faults/%s', (id) => {
  it('accepts a correct backend in a process that stalled until the reply was there', async () => {
    await tried(id, stalling(1));
  });

  it('is broken by a backend without a deadline, even if the process stalls', async () => {
    const lab = stalling(1);
    const patient = { ...lab, create: (options: CreateOptions) => lab.create({ ...options, timeoutMs: 60_000 }) };
    await expect(tried(id, patient)).rejects.toThrow(/to settle within/);
  });
});

it('gives up on a backend that stalls in every trial', async () => {
  const lab = stalling(Number.POSITIVE_INFINITY);
  await expect(tried('late-reply', lab)).rejects.toThrow(/getValue to reject, it resolved/);
});

it('faults/stalled is broken by a slow timer that watches the connection and fires before the deadlines', async () => {
  const lost = new DriverError('UNAVAILABLE', 'the server fell silent', { connectionLost: true });
  let pending: ((error: DriverError) => void)[] = [];
  const lab = labOf(() => new Promise((_, reject) => pending.push(reject)));
  let isWatched = false;
  const look = (): void => {
    isWatched = false;
    for (const fail of pending) fail(lost);
    pending = [];
  };
  const watched = (options: CreateOptions): CacheBackend =>
    new Proxy(lab.create(options), {
      get: (target, property) => {
        if (!isWatched) setTimeout(() => setTimeout(look, 0), 1000);
        isWatched = true;
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  await expect(tried('stalled', { ...lab, create: watched })).rejects.toThrow('expected TIMEOUT for a request');
});
