import { startRedis } from '@ninefold/tooling/servers/redis';
import { PASSWORD, permit, USER } from './permissions.ts';

/** A real server, by the URL of a user who may do what the README says and nothing else. */
export async function startServer(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = await startRedis();
  await permit(server);
  return { url: `redis://${USER}:${PASSWORD}@${server.host}:${server.port}`, stop: server.stop };
}
