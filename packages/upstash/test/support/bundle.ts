import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

/** One ES module of a program of the tests and all that it imports, minified as users' are. */
export async function bundle(
  file: string,
  options: { readonly platform: 'browser' | 'neutral'; readonly define?: Record<string, string> },
): Promise<{ readonly text: string; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(import.meta.dirname, '..', file)],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    mainFields: ['module', 'main'],
    conditions: ['@ninefold/source', 'workerd', 'worker', 'import'],
    ...options,
  });
  return { text: outputFiles[0]?.text ?? '', metafile };
}
