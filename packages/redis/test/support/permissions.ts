import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask } from '@ninefold/tooling/servers/redis';

/** The permissions that the README lists for the user of a cache with the namespace `shop`. */
export const ACL_LINE =
  'ACL SETUSER cache on >s3cretPassword ~shop:* -@all +get +mget +set +mset +exists +unlink +eval +evalsha +incrby';

/** Further permissions on a Cluster. */
export const CLUSTER_PERMISSIONS = '+cluster|slots +asking';

export const USER = 'cache';
export const PASSWORD = 's3cretPassword';

/** Arguments of a server's command line that create the same user for any keys, with `changes` to its permissions. */
export function userArgs(...changes: string[]): string[] {
  return ['--user', ...ACL_LINE.replace('~shop:*', '~*').split(' ').slice(2), ...changes];
}

/** Creates the user of the README on a server for any keys, with `changes` to its permissions. */
export async function permit(server: ServerProcess, ...changes: string[]): Promise<void> {
  const rules = ACL_LINE.replace('~shop:*', '~*').split(' ');
  await ask(server, ...rules, ...changes);
}
