// Those of the runtime, whatever a test puts in their place later.
const { setTimeout, clearTimeout } = globalThis;

/** Milliseconds: where this very process stalled, a deadline of the backend is firing only now. */
const TURN_MS = 20;

/** What `work` comes to; rejects with `late` if that takes longer. */
export async function within<T>(work: Promise<T>, milliseconds: number, late: Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      timer = setTimeout(() => reject(late), TURN_MS);
    }, milliseconds);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
