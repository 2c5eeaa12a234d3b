import { readFile } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { createServer } from 'node:tls';
import { certificate } from './certificate.ts';
import { listen } from './listen.ts';

/** A proxy that terminates TLS in front of a server, and notes the names by which clients ask for it. */
export async function tlsProxy(
  target: number,
): Promise<{ readonly proxy: Server; readonly port: number; readonly names: readonly unknown[] }> {
  const { file, keyFile } = await certificate();
  const [cert, key] = await Promise.all([readFile(file), readFile(keyFile)]);
  const names: unknown[] = [];
  const proxy = createServer({ cert, key }, (client) => {
    names.push((client as { readonly servername?: unknown }).servername);
    client.on('error', () => undefined);
    client.pipe(connect(target, '127.0.0.1').on('error', () => client.destroy())).pipe(client);
  });
  return { proxy, port: await listen(proxy), names };
}
