/** What is to be done when a signal aborts: for as many as wait with it one listener, of which Node allows ten without a warning. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `leave` when the signal aborts, unless what it returns was called before. */
export function onAbort(signal: AbortSignal, leave: () => void): () => void {
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
