import { afterEach, beforeEach, expect, type MockInstance, vi } from 'vitest';

const methods = ['log', 'warn', 'error', 'info', 'debug'] as const;

/** Fails each test of the file that writes to the console or leaves a rejection unhandled. */
export function staysQuiet(): void {
  const unhandled: unknown[] = [];
  const record = (reason: unknown): void => void unhandled.push(reason);
  let spies: MockInstance[] = [];

  beforeEach(() => {
    spies = methods.map((method) => vi.spyOn(console, method));
    process.on('unhandledRejection', record);
  });

  afterEach(() => {
    process.off('unhandledRejection', record);
    const printed = spies.flatMap(({ mock }) => mock.calls);
    for (const spy of spies) spy.mockRestore();
    expect({ printed, unhandled: unhandled.splice(0) }).toEqual({ printed: [], unhandled: [] });
  });
}
