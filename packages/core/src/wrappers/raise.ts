/** Calls a listener. What it throws is its author's to see, as an uncaught error, and not the caller's of the cache. */
export function raise(listen: () => void): void {
  try {
    listen();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
