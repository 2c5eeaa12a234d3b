import { afterEach, beforeEach, expect, type MockInstance, vi } from 'vitest';

const methods = ['log', 'warn', 'error', 'info', 'debug'] as const;

/** Fails each test of the file during which a word went to the console, or a rejection was left unhandled. */
export function staysQuiet(): void {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  let words: MockInstance[] = [];

  beforeEach(() => {
    words = methods.map((method) => vi.spyOn(console, method));
    process.on('unhandledRejection', note);
  });

  afterEach(() => {
    process.off('unhandledRejection', note);
    const said = words.flatMap(({ mock }) => mock.calls);
    for (const word of words) word.mockRestore();
    expect({ said, unhandled: unhandled.splice(0) }).toEqual({ said: [], unhandled: [] });
  });
}
