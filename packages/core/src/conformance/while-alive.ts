/** Milliseconds at the end of a TTL for which nothing is asserted. */
const MARGIN_MS = 10;

/**
 * Runs `check`, and asserts its claim if the entry, stored at `since` with a TTL of so many seconds, still had to live
 * when the check ended. Returns whether it had: on a stalled machine the entry may have expired.
 */
export async function whileAlive(
  seconds: number,
  since: number,
  check: () => Promise<() => unknown>,
): Promise<boolean> {
  const claim = await check();
  const isAlive = performance.now() - since < seconds * 1000 - MARGIN_MS;
  if (isAlive) await claim();
  return isAlive;
}
