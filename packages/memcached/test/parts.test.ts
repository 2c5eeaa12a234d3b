import { setImmediate as nextTurn } from 'node:timers/promises';
import { DriverError } from '@ninefold/core';
import { describe, expect, it } from 'vitest';
import { type Command, sendBatch } from '../src/batch.ts';
import { GetCommand, SetCommand } from '../src/commands.ts';
import type { Channel, Request } from '../src/request.ts';

const call = { deadline: Number.POSITIVE_INFINITY, ended: false, sent: false, signal: AbortSignal.abort() };

const response = { status: 0, bytes: Buffer.alloc(0), casOffset: 0, from: 0, to: 0 };

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `k${index}`);
}

/** The turns of the event loop, counted from 0, in which each part of a batch is sent, and in which the batch is done. */
async function turnsOf(count: number): Promise<{ readonly parts: readonly number[]; readonly done: number }> {
  let turn = 0;
  let running = true;
  const pass = (): void => {
    turn += 1;
    if (running) setImmediate(pass);
  };
  setImmediate(pass);
  const parts: number[] = [];
  const channel: Channel = {
    send(request) {
      parts.push(turn);
      request.written?.();
      request.receive(request.size - 1, response);
    },
  };
  await sendBatch(() => channel, new GetCommand(keysOf(count), call));
  running = false;
  return { parts, done: turn };
}

describe('a batch', () => {
  it('gives the event loop a turn before each part but the first', async () => {
    const { parts } = await turnsOf(40_000);
    expect(parts).toHaveLength(4);
    expect(new Set(parts).size).toBe(4);
  });

  /** The bytes of each part of a batch. */
  async function sizesOf(command: Command): Promise<readonly number[]> {
    const sizes: number[] = [];
    const channel: Channel = {
      send(request) {
        sizes.push(request.encode(0).length);
        request.written?.();
        request.receive(request.size - 1, response);
      },
    };
    await sendBatch(() => channel, command);
    return sizes;
  }

  it('has parts of up to 2 MB, however few its items', async () => {
    const entries = keysOf(5).map((key) => [key, 'x'.repeat(1_000_000)] as const);
    const sizes = await sizesOf(new SetCommand(entries, 0, call));
    expect(sizes.map((size) => Math.round(size / 1_000_000))).toEqual([2, 2, 1]);
  });

  it('of one item is one request', async () => {
    const [header, key] = [24, 'k0'.length];
    expect(await sizesOf(new GetCommand(keysOf(1), call))).toEqual([header + key]);
  });

  it('that is one part waits for no turn', async () => {
    for (const count of [1, 2, 10_000]) expect(await turnsOf(count)).toEqual({ parts: [0], done: 0 });
  });

  it('sends a part only when the one before it has been written, so that other calls come in between', async () => {
    const sent: Request[] = [];
    const slow: Channel = { send: (request) => void sent.push(request) };
    const batch = sendBatch(() => slow, new GetCommand(keysOf(30_000), call));
    for (let parts = 1; parts <= 3; parts++) {
      await expect.poll(() => sent.length).toBe(parts);
      // Turns in which the next part would be sent.
      for (let turns = 0; turns < 10; turns++) await nextTurn();
      expect(sent.length).toBe(parts);
      sent.at(-1)?.written?.();
    }
    for (const request of sent) request.receive(request.size - 1, response);
    await batch;
  });

  it('sends no other part once one has failed, or once its call has ended', async () => {
    const ending = { ...call };
    let parts = 0;
    const failing: Channel = {
      send(request) {
        parts += 1;
        request.written?.();
        request.fail(new DriverError('UNAVAILABLE', 'lost'));
      },
    };
    await expect(sendBatch(() => failing, new GetCommand(keysOf(40_000), call))).rejects.toThrow('lost');
    const last: Channel = {
      send(request) {
        parts += 1;
        ending.ended = true;
        request.written?.();
        request.receive(request.size - 1, response);
      },
    };
    await sendBatch(() => last, new GetCommand(keysOf(40_000), ending));
    expect(parts).toBe(2);
  });

  it('rejects with an exception of its channel, and leaves no rejection unhandled', async () => {
    const channel = {
      send: () => {
        throw new TypeError('a fault');
      },
    };
    for (const count of [1, 2, 30_000]) {
      await expect(sendBatch(() => channel, new GetCommand(keysOf(count), call))).rejects.toThrow(TypeError);
    }
  });
});
