import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { listen } from '../servers/listen.ts';

/** The fields of a manifest that the registry reads. It keeps all others unchanged. */
interface Manifest {
  readonly name: string;
  readonly version: string;
}

export interface Registry {
  readonly url: string;
  /** `name@version` of every package published over HTTP, in order. */
  readonly published: readonly string[];
  /** Adds a package without publishing it. */
  add(manifest: Manifest, tarball: Uint8Array): void;
  stop(): Promise<void>;
}

interface Publication {
  readonly versions: Readonly<Record<string, Manifest>>;
  readonly _attachments: Readonly<Record<string, { readonly data: string }>>;
}

/** Starts an npm registry on the loopback interface. It keeps packages in memory and forwards no request to another registry. */
export async function startRegistry(): Promise<Registry> {
  const versions = new Map<string, Record<string, Manifest>>();
  const tarballs = new Map<string, Uint8Array>();
  const published: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  const url = `http://127.0.0.1:${await listen(server)}/`;

  function add(manifest: Manifest, tarball: Uint8Array): void {
    const { name, version } = manifest;
    const path = `${name}/-/${version}.tgz`;
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    tarballs.set(path, tarball);
    versions.set(name, {
      ...versions.get(name),
      [version]: Object.assign({}, manifest, { dist: { tarball: url + path, integrity } }),
    });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? '', url).pathname).slice(1);
    if (request.method === 'PUT') {
      const { versions: offered, _attachments } = (await json(request)) as Publication;
      const [manifest] = Object.values(offered);
      const [attachment] = Object.values(_attachments);
      if (manifest === undefined || attachment === undefined) throw new Error(`nothing to publish as ${path}`);
      if (versions.get(path)?.[manifest.version] !== undefined)
        throw new Error(`${path} ${manifest.version} exists already`);
      add(manifest, Buffer.from(attachment.data, 'base64'));
      published.push(`${path}@${manifest.version}`);
      return void response.writeHead(201).end('{"ok":true}');
    }
    const tarball = tarballs.get(path);
    if (tarball !== undefined) return void response.end(tarball);
    const known = versions.get(path);
    if (known === undefined) return void response.writeHead(404).end('{"error":"not_found"}');
    // Versions are published in ascending order, so the last is the latest.
    response.end(JSON.stringify({ name: path, versions: known, 'dist-tags': { latest: Object.keys(known).at(-1) } }));
  }

  return {
    url,
    published,
    add,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
