import { Writable } from 'node:stream';

/** Records each write to a stream; the other end of a socket could not tell them apart. */
export class RecordedWrites extends Writable {
  readonly all: string[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.all.push(String(chunk));
    done();
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.all.push(chunks.map(({ chunk }) => String(chunk)).join(''));
    done();
  }
}
