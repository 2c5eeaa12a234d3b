import { beforeEach, expect, onTestFinished, vi } from 'vitest';

const methods = ['log', 'warn', 'error', 'info', 'debug'] as const;

/** Fails each test of the file that writes to the console or leaves a rejection unhandled. */
export function staysQuiet(): void {
  beforeEach(() => {
    const unhandled: unknown[] = [];
    const record = (reason: unknown): void => void unhandled.push(reason);
    const spies = methods.map((method) => vi.spyOn(console, method));
    process.on('unhandledRejection', record);
    // The first to be registered runs last: what other hooks and the end of servers cause counts, too.
    onTestFinished(() => {
      process.off('unhandledRejection', record);
      const printed = spies.flatMap(({ mock }) => mock.calls);
      for (const spy of spies) spy.mockRestore();
      expect({ printed, unhandled }).toEqual({ printed: [], unhandled: [] });
    });
  });
}
