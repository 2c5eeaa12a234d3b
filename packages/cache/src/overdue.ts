import type { Clock } from './clock.ts';
import type { Flight } from './flight.ts';
import type { Landing } from './landing.ts';

interface OverdueOptions {
  readonly clock: Clock;
  readonly leaseTtl: number;
  readonly leaseMs: number;
}

/**
 * What a flight brings, or `undefined` once it has been loading for longer than its lease lasts: for who joins it, whom its
 * loader may wait for.
 */
export function untilOverdue(flight: Flight, options: OverdueOptions): Promise<Landing | undefined> {
  flight.untilOverdue ??= Promise.race([flight.landing, watch(flight, options)]);
  return flight.untilOverdue;
}

async function watch(flight: Flight, { clock, leaseTtl, leaseMs }: OverdueOptions): Promise<Landing | undefined> {
  const since = await flight.loading;
  const rest = since + leaseMs - clock.now();
  const landed = new AbortController();
  const stop = (): void => landed.abort();
  flight.landing.then(stop, stop);
  if (rest > 0) await clock.wait(rest, landed.signal);
  const isOverdue = flight.landedAt === undefined && clock.now() - since > 1000 * leaseTtl;
  return isOverdue ? undefined : await flight.landing;
}
