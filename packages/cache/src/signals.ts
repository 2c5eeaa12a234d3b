/** What is to be done when a signal aborts: for as many as wait with it one listener, of which Node allows ten without a warning. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** As the promise; but when the signal aborts before it has settled, `onAborted` is called, and it rejects with its reason. */
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

/** Calls `callback` when the signal aborts, unless what it returns was called before. */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
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
