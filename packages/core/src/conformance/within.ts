// Those of the runtime, whatever a test puts in their place later.
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** Milliseconds between two looks at the clock: what passed beyond twice as many, this very process stood still for. */
const LOOK_MS = 50;

/** What `work` comes to; rejects with `late` if that takes longer, not counting what the process stood still. */
export async function within<T>(work: Promise<T>, milliseconds: number, late: Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    // One look more: at the end of a stall, a deadline of the backend fires only now.
    let left = milliseconds + LOOK_MS;
    const look = (before: number): void => {
      timer = setTimeout(
        () => {
          const at = now();
          left -= Math.min(at - before, 2 * LOOK_MS);
          if (left > 0) look(at);
          else reject(late);
        },
        Math.min(left, LOOK_MS),
      );
    };
    look(now());
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
