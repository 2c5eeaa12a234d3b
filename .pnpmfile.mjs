// Tests and type-checks find our packages' sources by the condition `@ninefold/source`; a tarball holds no sources.
const withoutSources = (exports) =>
  JSON.parse(JSON.stringify(exports), (name, target) => (name === '@ninefold/source' ? undefined : target));

export const hooks = {
  beforePacking: (manifest) => ({ ...manifest, exports: withoutSources(manifest.exports) }),
};
