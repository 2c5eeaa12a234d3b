import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryBackend } from '@ninefold/memory';

/** Each a value of 97 bytes of JSON under a key of about 11. */
const ENTRIES = 1_000_000;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function rowOf(index: number): { readonly id: string; readonly name: string; readonly note: string } {
  return { id: String(index).padStart(8, '0'), name: 'Ada Lovelace', note: 'x'.repeat(48) };
}

function heap(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Here, so that it is not collected before it is measured. */
let filled: object | undefined;

/** Bytes that one entry takes of the heap, of what `fill` makes. */
async function bytesPerEntry(fill: () => Promise<object>): Promise<number> {
  filled = undefined;
  const before = heap();
  filled = await fill();
  const bytes = (heap() - before) / ENTRIES;
  if (filled === undefined) throw new Error('nothing was measured');
  return bytes;
}

async function fillMap(asItIs: boolean): Promise<object> {
  const map = new Map<string, string>();
  for (let index = 0; index < ENTRIES; index++) {
    const text = JSON.stringify(rowOf(index));
    // To look at a character makes one piece of the pieces that V8 may have left.
    if (!asItIs) text.charCodeAt(1);
    map.set(`user:${index}`, text);
  }
  return map;
}

async function fillMemory(): Promise<object> {
  const cache = memoryBackend({ maxEntries: ENTRIES, maxBytes: Number.MAX_SAFE_INTEGER });
  for (let index = 0; index < ENTRIES; index++) {
    await cache.setValue(`user:${index}`, rowOf(index), { ttl: 600 + (index % 600) });
  }
  return cache;
}

const asItIs = await bytesPerEntry(() => fillMap(true));
const flat = await bytesPerEntry(() => fillMap(false));
const memory = await bytesPerEntry(fillMemory);
const lengthOfText = JSON.stringify(rowOf(0)).length;
console.log(`heap per entry, ${ENTRIES} entries of ${lengthOfText} bytes: Node ${process.version}\n`);
console.log(`Map of JSON text as JSON.stringify gives it   ${asItIs.toFixed(0)} bytes`);
console.log(`Map of JSON text in one piece each            ${flat.toFixed(0)} bytes`);
console.log(`memoryBackend, each entry with a TTL          ${memory.toFixed(0)} bytes`);
console.log(
  `ratios                                        ${(memory / asItIs).toFixed(2)} and ${(memory / flat).toFixed(2)}`,
);
