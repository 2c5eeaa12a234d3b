import { type Awaitable, isDriverError } from './driver.ts';
import type { Lifecycle } from './lifecycle.ts';
import { PendingCall } from './pending-call.ts';
import { errorOf, failureOf, type Task } from './task.ts';
import { isThenable } from './value-type.ts';

type Start<T> = (call: PendingCall) => Awaitable<T>;

/** Runs driver methods under the deadline of their call, and retries a read once after a lost connection. */
export class Runner {
  readonly #timeoutMs: number | undefined;
  readonly #lifecycle: Lifecycle;

  constructor(timeoutMs: number | undefined, lifecycle: Lifecycle) {
    this.#timeoutMs = timeoutMs;
    this.#lifecycle = lifecycle;
  }

  /** Returns a synchronous result as it is, which saves an in-process backend timers and promises. */
  run<T>(task: Task, start: Start<T>): T | Promise<T> {
    const call = new PendingCall(this.#timeoutMs);
    let result: Awaitable<T>;
    try {
      result = start(call);
    } catch (error) {
      call.end();
      throw failureOf(task, error, call.sent);
    }
    if (isThenable(result)) return this.#settle(task, call, start, result as PromiseLike<T>);
    call.end();
    return result as T;
  }

  #settle<T>(task: Task, call: PendingCall, start: Start<T>, first: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let retried = false;
      const succeed = (result: T): void => {
        if (call.end()) resolve(result);
      };
      const fail = (error: unknown): void => {
        if (call.ended) return;
        if (!retried && this.#mayRetry(task, error)) {
          retried = true;
          invoke(start, call).then(succeed, fail);
          return;
        }
        call.end();
        reject(failureOf(task, error, call.sent));
      };
      this.#lifecycle.add(call);
      call.watch((code) => {
        const reason =
          code === 'CLOSED' ? 'the backend was closed before the reply came' : `no reply within ${this.#timeoutMs} ms`;
        reject(errorOf(task, code, reason, { maybeApplied: task.kind !== 'read' && call.sent }));
      });
      first.then(succeed, fail);
    });
  }

  #mayRetry(task: Task, error: unknown): boolean {
    const lost = isDriverError(error) && error.options.connectionLost === true;
    return lost && task.kind === 'read' && !this.#lifecycle.closed;
  }
}

async function invoke<T>(start: Start<T>, call: PendingCall): Promise<T> {
  return await start(call);
}
