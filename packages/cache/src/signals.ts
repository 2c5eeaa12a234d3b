/** What a signal calls when it aborts. */
interface Listening {
  readonly callbacks: Set<() => void>;
  readonly stop: () => void;
}

/** By signal. Callbacks share one listener, because Node warns of a leak if a signal has more than ten. */
const listening = new WeakMap<AbortSignal, Listening>();

/** Settles as the promise does. If the signal aborts first, calls `onAborted` and rejects with the signal's reason. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined, onAborted?: () => void): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const unsubscribe = onAbort(signal, () => {
      onAborted?.();
      reject(signal.reason);
    });
    promise.finally(unsubscribe).then(resolve, reject);
  });
}

/** Calls `callback` when the signal aborts, or at once if it has. Returns the function that unsubscribes it. */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  // A loader may abort its own call before that call waits for the result.
  if (signal.aborted) callback();
  const { callbacks, stop } = listening.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    // A signal of `AbortSignal.any` stays in memory as long as it has a listener.
    if (callbacks.size === 0) stop();
  };
}

function listen(signal: AbortSignal): Listening {
  const callbacks = new Set<() => void>();
  const abort = (): void => {
    for (const callback of callbacks) callback();
  };
  const stop = (): void => {
    listening.delete(signal);
    signal.removeEventListener('abort', abort);
  };
  signal.addEventListener('abort', abort, { once: true });
  const started = { callbacks, stop };
  listening.set(signal, started);
  return started;
}
