import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type Cache, createCache } from '@ninefold/cache';
import { redisBackend } from '@ninefold/redis';

export const CACHE = Symbol('cache');

/** Closes the cache in the last shutdown hook, when nothing uses it any more. */
@Injectable()
class CacheShutdown implements OnApplicationShutdown {
  readonly #cache: Cache;

  constructor(@Inject(CACHE) cache: Cache) {
    this.#cache = cache;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#cache.close();
  }
}

@Global()
@Module({
  providers: [
    {
      provide: CACHE,
      useFactory: (): Cache =>
        createCache(redisBackend({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', namespace: 'shop' }), {
          ttl: 300,
          onError: (error) => console.error(error.message),
        }),
    },
    CacheShutdown,
  ],
  exports: [CACHE],
})
export class CacheModule {}
