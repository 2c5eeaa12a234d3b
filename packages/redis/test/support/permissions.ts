import type { ServerProcess } from '@ninefold/tooling/servers/process';
import { ask } from '@ninefold/tooling/servers/redis';

/** What the README tells an operator to give to the user of a cache with the namespace `shop`. */
export const ACL_LINE =
  'ACL SETUSER cache on >s3cretPassword ~shop:* -@all +get +mget +set +mset +exists +unlink +eval +evalsha +incrby';

/** On a Cluster, besides. */
export const CLUSTER_PERMISSIONS = '+cluster|slots +asking';

export const USER = 'cache';
export const PASSWORD = 's3cretPassword';

/** The same user, for any keys, in the words of a server's command line; with `changes` to what it may do. */
export function userArgs(...changes: string[]): string[] {
  return ['--user', ...ACL_LINE.replace('~shop:*', '~*').split(' ').slice(2), ...changes];
}

/** Makes the user of the README on a server, for any keys; with `changes` to what it may do. */
export async function permit(server: ServerProcess, ...changes: string[]): Promise<void> {
  const rules = ACL_LINE.replace('~shop:*', '~*').split(' ');
  await ask(server, ...rules, ...changes);
}
