import type { Flight } from './flight.ts';

/** How long an unfenced flight is kept after its end: no backend should take longer to fail. */
const RETENTION_MS = 10_000;
/** Bounds memory: in an outage every load is unfenced, and its value is kept. */
const MAX_RETAINED = 1000;

/** The flights of a process, one for each key, and a logical clock that orders what happens to them. */
export class Flights {
  readonly #now: () => number;
  readonly #flights = new Map<string, Flight>();
  /** Unfenced flights that have ended, in that order. */
  readonly #retained = new Set<Flight>();
  #steps = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The next step of the logical clock. */
  nextStep(): number {
    this.#steps += 1;
    return this.#steps;
  }

  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** The flight that has replaced a running one: it began after the callers of that one. */
  successor(flight: Flight): Flight | undefined {
    const newest = this.#flights.get(flight.key);
    return newest === flight || newest?.abandoned === true ? undefined : newest;
  }

  add(flight: Flight): void {
    const before = this.#flights.get(flight.key);
    if (before !== undefined) this.#retained.delete(before);
    this.#flights.set(flight.key, flight);
  }

  end(flight: Flight): void {
    flight.endedAt = this.#now();
    // An unfenced flight stays for callers that began before it and whose own read is about to fail.
    if (flight.unfenced && this.#flights.get(flight.key) === flight) this.#retained.add(flight);
    else this.#remove(flight);
    for (const retained of this.#retained) {
      const isExpired = this.#now() - (retained.endedAt ?? 0) >= RETENTION_MS;
      if (!isExpired && this.#retained.size <= MAX_RETAINED) break;
      this.#remove(retained);
    }
  }

  /** Outdates the flight for a key, if any: later callers do not join it, and its value is not stored. */
  outdate(key: string): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    flight.outdated = true;
    this.#remove(flight);
  }

  outdateWhere(matches: (flight: Flight) => boolean): void {
    for (const flight of this.#flights.values()) if (matches(flight)) this.outdate(flight.key);
  }

  #remove(flight: Flight): void {
    this.#retained.delete(flight);
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }
}
