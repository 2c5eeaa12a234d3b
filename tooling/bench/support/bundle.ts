import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/** Not a file, but a path from which the packages resolve. */
const ENTRY = join(import.meta.dirname, 'entry.js');

/** The size in bytes, minified and gzipped, of a module that imports from our packages, without those in `external`. */
export async function bundledBytes(code: string, external: readonly string[]): Promise<number> {
  const bundle = await rolldown({
    input: ENTRY,
    external: [...external],
    onLog(_, { message }) {
      throw new Error(message);
    },
    resolve: { conditionNames: ['@ninefold/source', 'import'] },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === ENTRY ? id : undefined),
        load: (id) => (id === ENTRY ? code : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'es', minify: true });
  await bundle.close();
  return gzipSync(output[0].code, { level: 9 }).length;
}
