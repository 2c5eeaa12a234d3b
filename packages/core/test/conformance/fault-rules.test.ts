import { inspect } from 'node:util';
import { type CacheDriver, type Call, type Capabilities, createBackend, DriverError } from '@ninefold/core';
import { type Fault, type FaultLab, faults, runFaultRule } from '@ninefold/core/conformance';
import { expect, it } from 'vitest';
import { TimedDriver } from '../support/timed-driver.ts';

/** A server in memory, with backends whose requests during a fault go to `failing`. */
function labOf(
  failing: (call: Call, args: readonly unknown[]) => unknown,
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
        return (...args: readonly unknown[]) =>
          breakable && fault !== undefined ? failing(args.at(-1) as Call, args) : Reflect.apply(member, target, args);
      },
    });
  return {
    create: (options) => createBackend(driver(true), options),
    direct: (options) => createBackend(driver(false), options),
    set: async (next) => {
      fault = next;
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

it('reports the error of a read whose connection had ended', async () => {
  const lab = labOf(() => {
    throw new DriverError('UNAVAILABLE', 'the connection ended', { connectionLost: true });
  });
  await expect(tried('idle-cut', lab)).rejects.toThrow(/expected 'v', from a new connection, got .*UNAVAILABLE/);
});
