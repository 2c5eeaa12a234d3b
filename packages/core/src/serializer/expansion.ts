import { MAX_REGEXP_COST, regexpCost } from './costs.ts';
import { check } from './legal-json.ts';
import { MAX_DEPTH } from './plain.ts';

/** The maximum size of all typed arrays and buffers of a value, in bytes. Their base64 has to fit into a string. */
export const MAX_BYTES: number = 256 * 1024 * 1024;

/**
 * Throws if a value, with its shared parts written out at each path, has too many nodes, bytes or levels for a write.
 * Visits at most `maxNodes` nodes, each in constant time.
 */
export function assertBoundedExpansion(root: unknown, maxNodes: number): void {
  const open = new Set<unknown>();
  let nodesLeft = maxNodes;
  let bytesLeft = MAX_BYTES;
  let regexpCostLeft = MAX_REGEXP_COST;

  function visit(node: unknown): void {
    nodesLeft -= 1;
    if (ArrayBuffer.isView(node)) bytesLeft -= node.byteLength;
    else if (node instanceof RegExp) regexpCostLeft -= regexpCost(node.source, node.flags);
    else if (typeof node === 'object' && node !== null && !open.has(node)) visitContainer(node);
    check(nodesLeft >= 0 && bytesLeft >= 0 && regexpCostLeft >= 0);
  }

  function visitContainer(node: object): void {
    if (node instanceof Date || node instanceof URL) return;
    check(open.size < MAX_DEPTH);
    open.add(node);
    if (node instanceof Map || node instanceof Set || Array.isArray(node)) for (const item of node) visit(item);
    else if (node instanceof Error) visit(node.cause);
    else for (const key in node) visit((node as Record<string, unknown>)[key]);
    open.delete(node);
  }

  visit(root);
}
