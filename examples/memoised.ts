// Memoises a slow function by its arguments. A schema checks values that an older release may have stored.
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '@ninefold/cache';
import { memoryBackend } from '@ninefold/memory';
import { z } from 'zod';

const Forecast = z.object({ city: z.string(), day: z.number(), celsius: z.number() });

let calls = 0;

/** Stands for a slow HTTP request. */
async function fetchForecast(city: string, day: number): Promise<z.input<typeof Forecast>> {
  calls += 1;
  await sleep(100);
  return { city, day, celsius: 10 + ((city.length + day) % 15) };
}

const cache = createCache(memoryBackend(), { ttl: 3600 });
const forecast = cache.wrap(fetchForecast, {
  key: 'forecast',
  tags: (city) => [`city:${city}`],
  type: Forecast,
});

// A hundred callers at once, for four different forecasts.
const cities = ['Oslo', 'Lima', 'Oslo'];
await Promise.all(Array.from({ length: 100 }, (_, index) => forecast(cities[index % 3] as string, index % 2)));
console.log(`100 callers, ${calls} calls of the service`);

await forecast('Oslo', 0);
console.log(`once more: ${calls} calls`);

await cache.invalidateTags('city:Oslo');
const { celsius } = await forecast('Oslo', 0);
console.log(`after the invalidation of one city: ${calls} calls, ${celsius} °C`);

await cache.close();
