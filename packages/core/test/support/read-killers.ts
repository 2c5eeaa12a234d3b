// Reads every hostile payload, and prints what each cost, as JSON.
import { superjsonSerializer } from '../../src/serializer.ts';
import { killers } from './hostile-payloads.ts';

export interface ReadCost {
  readonly ms: number;
  readonly bytes: number;
}

const MIN_ATTEMPTS = 5;
const MAX_ATTEMPTS = 20;
/** Far below the contract's 200 ms: a payload that costs less needs no further attempts. */
const ENOUGH_MS = 100;

/** The least of some attempts, in wall or CPU time, whichever is less: other processes may use the machine. */
function costOfReading(text: string): ReadCost {
  let ms = Number.POSITIVE_INFINITY;
  let bytes = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < MIN_ATTEMPTS || (attempt < MAX_ATTEMPTS && ms > ENOUGH_MS); attempt++) {
    const heap = process.memoryUsage().heapUsed;
    const start = performance.now();
    const work = process.cpuUsage();
    try {
      superjsonSerializer.deserialize(text);
    } catch (error) {
      // A payload may be refused, by an error.
      if (!(error instanceof Error)) throw error;
    }
    const { user, system } = process.cpuUsage(work);
    ms = Math.min(ms, performance.now() - start, (user + system) / 1000);
    bytes = Math.min(bytes, process.memoryUsage().heapUsed - heap);
  }
  return { ms, bytes };
}

process.stdout.write(JSON.stringify(killers.map(([, text]) => costOfReading(text))));
