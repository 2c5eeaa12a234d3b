/** Callbacks by signal. They share one listener, because Node warns of a leak if a signal has more than ten. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

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
  let callbacks = listeners.get(signal);
  if (callbacks === undefined) {
    callbacks = listen(signal);
    listeners.set(signal, callbacks);
  }
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  signal.addEventListener(
    'abort',
    () => {
      for (const callback of callbacks) callback();
    },
    { once: true },
  );
  return callbacks;
}
