import {
  type CacheBackend,
  type Call,
  createBackend,
  missOnError,
  observed,
  type RemoteOptions,
  scoped,
} from '@ninefold/core';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure.ts';
import { ForeignBackend } from '../support/foreign-backend.ts';
import { MapDriver } from '../support/map-driver.ts';

describe('scoped', () => {
  it('stores under the namespaces of all its parents', async () => {
    const driver = new MapDriver();
    const tenant = scoped(scoped(createBackend(driver, { namespace: 'app' }), 'v2'), 'tenant');
    await tenant.setValue('k', 1);
    expect([...driver.entries]).toEqual([['app:v2:tenant:k', 1]]);
    expect(await tenant.multiGetValues(['k', 'tenant:k'])).toEqual([1, undefined]);
  });

  it('keeps name and options, and its errors have the key of the caller', async () => {
    const driver = new MapDriver();
    const options: RemoteOptions = { name: 'mine', onUnreadable: 'miss' };
    const backend = createBackend(driver, options);
    Object.assign(options, { name: 'other', onUnreadable: 'throw', errorKeys: 'hidden' });
    const tenant = scoped(backend, 'tenant');
    driver.entries.set('tenant:k', 'garbage');
    expect(await tenant.getValue('k')).toBeUndefined();
    expect(await failureOf(tenant.incr('k'))).toMatchObject({ backend: 'mine', key: 'k', code: 'NOT_A_COUNTER' });
  });

  it('keeps the serializer, the deadline and the hiding of keys too', async () => {
    const deadlines: number[] = [];
    const driver = Object.assign(new MapDriver(), {
      get: (_key: string, call: Call) => void deadlines.push(call.deadline),
    });
    const serializer = { serialize: (value: unknown) => `!${value}`, deserialize: (text: string) => text.slice(1) };
    const tenant = scoped(createBackend(driver, { serializer, timeoutMs: 1000, errorKeys: 'hidden' }), 'tenant');
    await tenant.setValue('k', 'text');
    expect([...driver.entries]).toEqual([['tenant:k', '!text']]);
    expect('key' in (await failureOf(tenant.incr('k')))).toBe(false);
    await tenant.getValue('k');
    expect(deadlines[0]).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('allows keys of the full length at any depth', async () => {
    const deep = scoped(scoped(createBackend(new MapDriver()), 'n'.repeat(64)), 'm'.repeat(64));
    await deep.setValue('k'.repeat(8192), 1);
    expect(await deep.getValue('k'.repeat(8192))).toBe(1);
    expect((await failureOf(deep.getValue('k'.repeat(8193)))).code).toBe('INVALID_KEY');
  });

  it('refuses a namespace that could collide with another', () => {
    for (const namespace of ['', 'a:b', 'é', 'n'.repeat(65), 5, undefined, null]) {
      const call = () => scoped(createBackend(new MapDriver()), namespace as string);
      expect(call).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', backend: 'map' }));
    }
  });

  it('refuses what is not a backend, as the other wrappers do', () => {
    const onError = (): void => undefined;
    for (const backend of [undefined, null, 5, {}] as never[]) {
      for (const wrap of [
        () => scoped(backend, 'tenant'),
        () => observed(backend, undefined),
        () => observed(backend, onError),
        () => missOnError(backend, { onError }),
      ]) {
        expect(wrap).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', operation: 'create' }));
      }
    }
  });

  it('goes through every wrapper to the wrapped backend', async () => {
    const driver = new MapDriver({ maxValueBytes: 5 });
    const events: string[] = [];
    const wrapped = missOnError(
      observed(createBackend(driver), ({ operation }) => events.push(operation)),
      { onError: () => undefined },
    );
    expect(wrapped.capabilities).toEqual(driver.capabilities);
    await scoped(wrapped, 'tenant').setValue('k'.repeat(8192), 1);
    expect([...driver.entries.keys()]).toEqual([`tenant:${'k'.repeat(8192)}`]);
    expect(events).toEqual(['setValue']);
  });
});

describe('scoped, of a backend without SCOPE', () => {
  const make = (): { foreign: ForeignBackend; tenant: CacheBackend } => {
    const foreign = new ForeignBackend();
    return { foreign, tenant: scoped(foreign, 'tenant') };
  };

  it('prefixes every key of all nine operations', async () => {
    const { foreign, tenant } = make();
    await tenant.setValue('a', { n: 1 });
    await tenant.multiSetValues(new Map([['b', 'two']]), { ttl: 60 });
    expect(await tenant.incr('c', 5, { ttl: 60 })).toBe(5);
    expect(foreign.keys()).toEqual(['tenant:a', 'tenant:b', 'tenant:c']);
    expect(await tenant.getValue('a', { type: (value) => value as { n: number } })).toEqual({ n: 1 });
    expect(await tenant.multiGetValues(['c', 'x', 'b'])).toEqual([5, undefined, 'two']);
    expect(await tenant.exists('a')).toBe(true);
    expect(await tenant.delete('a')).toBe(1);
    expect(await tenant.deleteMany(['b', 'b', 'c', 'x'])).toBe(2);
    expect(foreign.keys()).toEqual([]);
    expect(tenant.name).toBe(foreign.name);
    expect(tenant.capabilities).toEqual(foreign.capabilities);
  });

  it('checks keys before they are prefixed, and gives errors the key of the caller', async () => {
    const { foreign, tenant } = make();
    const refused = [
      tenant.getValue(''),
      tenant.deleteMany(['a', '']),
      tenant.multiSetValues([
        ['a', 1],
        ['', 2],
      ]),
      tenant.multiSetValues([['a']] as never),
      tenant.multiGetValues('ab' as never),
      tenant.incr(5 as never),
    ];
    for (const call of refused) expect((await failureOf(call)).code).toBe('INVALID_KEY');
    expect((await failureOf(tenant.deleteMany(['a', '\ud800']))).key).toBe('\ud800');
    expect((await failureOf(tenant.multiSetValues([['', 2]]))).message).toContain('a key must not be empty');
    expect(foreign.keys()).toEqual([]);
    await tenant.setValue('text', 'x');
    const failure = await failureOf(tenant.incr('text'));
    expect(failure).toMatchObject({ code: 'NOT_A_COUNTER', key: 'text' });
    expect(failure.message).toContain('"text"');
  });

  it('puts the prefix of a scope after that of its parent, wrapped or not', async () => {
    const { foreign, tenant } = make();
    await scoped(tenant, 'a').setValue('k', 1);
    await scoped(
      observed(tenant, () => undefined),
      'b',
    ).setValue('k', 2);
    expect(foreign.keys()).toEqual(['tenant:a:k', 'tenant:b:k']);
  });

  it('closes only itself', async () => {
    const { foreign, tenant } = make();
    await tenant[Symbol.asyncDispose]();
    const closed = { code: 'CLOSED', backend: 'foreign' };
    expect(await failureOf(tenant.getValue('a'))).toMatchObject({ ...closed, operation: 'getValue' });
    expect(await failureOf(tenant.deleteMany([]))).toMatchObject({ ...closed, operation: 'deleteMany' });
    await foreign.setValue('a', 1);
  });
});
