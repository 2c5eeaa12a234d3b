import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults, rules } from '@ninefold/core/conformance';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../../..');
const page = readFileSync(join(root, 'docs/rules.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| sentence') && !line.startsWith('| ---'))
  .map((line) => {
    const [, sentence = '', proof = ''] = line.split(/ \| |^\| | \|$/);
    return { sentence, proofs: [...proof.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '') };
  });
const ids = [...rules, ...faults].map(({ id }) => id);
const namedBy = (proof: string): readonly string[] =>
  proof.endsWith('*') ? ids.filter((id) => id.startsWith(proof.slice(0, -1))) : ids.filter((id) => id === proof);

describe('the page of rules', () => {
  it('has a proof for each sentence, and each proof exists', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const { sentence, proofs } of rows) {
      expect(proofs, sentence).not.toEqual([]);
      const missing = proofs.filter((proof) => namedBy(proof).length === 0 && !existsSync(join(root, proof)));
      expect(missing, sentence).toEqual([]);
    }
  });

  it('names every rule', () => {
    const named = new Set(rows.flatMap(({ proofs }) => proofs.flatMap(namedBy)));
    expect(ids.filter((id) => !named.has(id))).toEqual([]);
  });
});
