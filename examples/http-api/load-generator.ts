export interface LoadOptions {
  readonly url: string;
  readonly requests: number;
  readonly customers: number;
  /** Requests in flight at once. */
  readonly concurrency: number;
}

export interface Latency {
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Requests customers, a few of them often and most of them rarely. Every 100th request renames one. */
export async function generateLoad({ url, requests, customers, concurrency }: LoadOptions): Promise<Latency> {
  const times: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let number = next++; number < requests; number = next++) {
      const id = 1 + Math.floor(customers * pseudoRandom(number) ** 3);
      const start = performance.now();
      const rename = number % 100 === 99;
      const response = await fetch(`${url}/customers/${id}`, rename ? { method: 'PUT', body: `Name ${number}` } : {});
      await response.text();
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  times.sort((a, b) => a - b);
  return { medianMs: times[Math.floor(times.length / 2)] ?? 0, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 };
}

/** A fixed value from 0 to 1 for each number, so that both runs make the same requests. */
function pseudoRandom(number: number): number {
  return ((number * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
}
