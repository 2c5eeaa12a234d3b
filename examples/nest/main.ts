// A NestJS application whose services share a cache, which is closed when the application shuts down.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CacheModule } from './cache-module.ts';
import { Users } from './users.ts';

@Module({ imports: [CacheModule], providers: [Users] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'fatal'] });
app.enableShutdownHooks();
const users = app.get(Users);

const found = await Promise.all(Array.from({ length: 50 }, () => users.find(1)));
console.log(`50 requests for ${found[0]?.name}, ${users.queries} query`);
await users.rename(1, 'Ada Lovelace');
console.log(`renamed to ${(await users.find(1))?.name}`);

await app.close();
console.log(`the cache is closed: ${await users.isClosed()}`);
