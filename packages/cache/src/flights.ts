import type { Flight } from './flight.ts';

/** No backend should take longer to fail. */
const RETENTION_MS = 10_000;
/** In an outage every load is a blind one, and its value stays in memory. */
const MAX_RETAINED = 1000;

/** The flights of a process, one for each key, and the order of what happens to them. */
export class Flights {
  readonly #now: () => number;
  readonly #flights = new Map<string, Flight>();
  /** Blind ones, in the order in which they landed. */
  readonly #retained = new Set<Flight>();
  #steps = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The next of the steps by which it is told what came first. */
  nextStep(): number {
    this.#steps += 1;
    return this.#steps;
  }

  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** The flight that took the place of one in the air: it began after the callers of that one. */
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
    // A blind one stays for those who began before it, and whom the backend is about to fail too.
    if (flight.unfenced && this.#flights.get(flight.key) === flight) this.#retained.add(flight);
    else this.#remove(flight);
    for (const retained of this.#retained) {
      const isLate = this.#now() - (retained.endedAt ?? 0) >= RETENTION_MS;
      if (!isLate && this.#retained.size <= MAX_RETAINED) break;
      this.#remove(retained);
    }
  }

  /** Lets no later caller join the flights that match. */
  forget(matches: (flight: Flight) => boolean): void {
    for (const flight of this.#flights.values()) {
      if (!matches(flight)) continue;
      flight.outdated = true;
      this.#remove(flight);
    }
  }

  #remove(flight: Flight): void {
    this.#retained.delete(flight);
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }
}
