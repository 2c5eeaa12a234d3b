// The functions of the runtime, even if a test replaces them later.
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** Milliseconds between two looks at the clock. If more than twice as many passed, this process stalled. */
const LOOK_MS = 50;

/**
 * Resolves or rejects as `work` does, or rejects with `late` if that takes longer than so many milliseconds. Time during which
 * this process stalled does not count.
 */
export async function within<T>(work: Promise<T>, milliseconds: number, late: Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    // One look more: at the end of a stall, a deadline of the backend may only be firing now.
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
