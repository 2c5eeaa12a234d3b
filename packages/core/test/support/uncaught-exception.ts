/** The next uncaught exception, which the test runner does not see. */
export function uncaughtException(): Promise<unknown> {
  return new Promise((resolve) => {
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => {
      for (const other of others) process.on('uncaughtException', other);
      resolve(error);
    });
  });
}
