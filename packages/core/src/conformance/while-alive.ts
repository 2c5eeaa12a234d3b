/** Milliseconds at the end of a TTL in which nothing is claimed. */
const MARGIN_MS = 10;

/**
 * Runs what must be so while an entry of that TTL, in seconds, lives. A machine that stood still for longer tells nothing:
 * whether it did not.
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
