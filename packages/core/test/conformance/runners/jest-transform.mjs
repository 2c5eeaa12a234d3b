import { transformSync } from 'esbuild';

const transform = {
  /** @param {string} code */
  process: (code) => transformSync(code, { loader: 'ts', format: 'esm', target: 'node20' }),
};

// biome-ignore lint/style/noDefaultExport: what Jest takes
export default transform;
