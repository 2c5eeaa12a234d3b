import { faults, runFaultRule } from '@ninefold/core/conformance';
import { Client } from 'memjs';
import { expect, it } from 'vitest';
import { memcachedBackend } from '../../src/memcached.ts';
import { startLab } from '../support/lab.ts';

// That a connection's end is told, and that an answer belongs to its request, are promises of our transport.
const broken = ['faults/request-lost-fin', 'faults/reply-lost-fin', 'faults/half-reply', 'faults/garbage'];
const kept = ['faults/refused', 'faults/silent', 'faults/reply-lost-silence', 'faults/trickle', 'faults/late-reply'];

it('memjs’s own transport breaks rules that ours keeps, and no call hangs even so', async () => {
  const clients: Client[] = [];
  const { lab, stop } = await startLab((servers, options) => {
    const client = Client.create(servers, { logger: { log: () => undefined } });
    clients.push(client);
    return memcachedBackend({ client, ...options });
  });
  const caught: string[] = [];
  for (const rule of faults.filter(({ id }) => broken.includes(id) || kept.includes(id))) {
    await runFaultRule(rule, lab, 'memcached on a stock client').catch(() => caught.push(rule.id));
  }
  for (const client of clients) client.close();
  await stop();
  expect(caught.sort()).toEqual([...broken].sort());
});
