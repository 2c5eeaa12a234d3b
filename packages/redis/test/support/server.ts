import { startRedis } from '@ninefold/tooling/servers/redis';
import { PASSWORD, permit, USER } from './permissions.ts';

/** Starts a real server; the URL has a user with exactly the permissions of the README. */
export async function startServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = await startRedis();
  await permit(server);
  return { url: `redis://${USER}:${PASSWORD}@${server.host}:${server.port}`, stop: server.stop };
}
