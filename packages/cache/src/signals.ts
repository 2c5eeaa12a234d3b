/** What is to be done when a signal aborts: for as many as wait with it one listener, of which Node allows ten without a warning. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** As the promise; but when the signal aborts before it has settled, `leave` is called, and it rejects with its reason. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined, leave?: () => void): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stay = onAbort(signal, () => {
      leave?.();
      reject(signal.reason);
    });
    promise.finally(stay).then(resolve, reject);
  });
}

/** Calls `leave` when the signal aborts, unless what it returns was called before. */
function onAbort(signal: AbortSignal, leave: () => void): () => void {
  if (signal.aborted) leave();
  let leaves = waiting.get(signal);
  if (leaves === undefined) {
    leaves = listen(signal);
    waiting.set(signal, leaves);
  }
  leaves.add(leave);
  return () => leaves.delete(leave);
}

function listen(signal: AbortSignal): Set<() => void> {
  const leaves = new Set<() => void>();
  signal.addEventListener(
    'abort',
    () => {
      for (const leave of leaves) leave();
    },
    { once: true },
  );
  return leaves;
}
