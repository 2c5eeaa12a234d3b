import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { madeOnce } from '../made-once.mjs';

export interface Certificate {
  /** The path of the self-signed certificate. */
  readonly file: string;
  readonly keyFile: string;
  /** The certificate as PEM, for the `ca` option of a client. */
  readonly ca: string;
}

const YEARS = 10;

/**
 * A certificate for the servers that tests start, valid for localhost and 127.0.0.1. An `expired` one was valid for a day.
 * Generated once per checkout.
 */
export async function certificate({ expired = false } = {}): Promise<Certificate> {
  const folder = await madeOnce(expired ? 'certificate-expired' : 'certificate', async (draft) => {
    const notBeforeDate = new Date();
    const notAfterDate = new Date();
    if (expired) notBeforeDate.setDate(notBeforeDate.getDate() - 2);
    if (expired) notAfterDate.setDate(notAfterDate.getDate() - 1);
    else notAfterDate.setFullYear(notAfterDate.getFullYear() + YEARS);
    const options = { keyType: 'ec', algorithm: 'sha256', notBeforeDate, notAfterDate } as const;
    const made = await generate([{ name: 'commonName', value: 'localhost' }], options);
    await writeFile(join(draft, 'certificate.pem'), made.cert);
    await writeFile(join(draft, 'key.pem'), made.private, { mode: 0o600 });
  });
  const file = join(folder, 'certificate.pem');
  return { file, keyFile: join(folder, 'key.pem'), ca: await readFile(file, 'utf8') };
}
