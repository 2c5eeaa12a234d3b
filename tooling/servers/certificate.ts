import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { madeOnce } from './made-once.ts';

export interface Certificate {
  /** The path of the certificate, which is its own authority. */
  readonly file: string;
  readonly keyFile: string;
  /** What a client trusts: the certificate as PEM. */
  readonly ca: string;
}

const YEARS = 10;

/** A certificate for localhost and 127.0.0.1, for servers that tests start; an `expired` one was good for a day. Made once. */
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
