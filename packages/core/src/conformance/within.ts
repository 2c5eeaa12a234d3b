// The functions of the runtime, even if a test replaces them later.
const { setTimeout, clearTimeout } = globalThis;

/** Milliseconds. If this process stalled, a deadline of the backend may only be firing now. */
const TURN_MS = 20;

/** Resolves or rejects as `work` does, or rejects with `late` if that takes longer than so many milliseconds. */
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
