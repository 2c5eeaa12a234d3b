/** Calls a listener. If it throws, that is an uncaught exception: the caller of the cache must not receive it. */
export function raise(listen: () => void): void {
  try {
    listen();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
