import { MAX_DEPTH } from './plain.ts';

/** Throws for parsed JSON that is deeper than a value that is written, or has an own `__proto__`. */
export function assertLegal(json: unknown, text: string): void {
  // An escape below U+0100 may spell a letter of `__proto__`.
  const suspect = hasManyBrackets(text) || text.includes('__proto__') || text.includes('\\u00');
  if (suspect && !isLegal(json, 0)) throw new Error('a value that is never written');
}

/** Whether there are enough to nest too deep, which nearly no text has. */
function hasManyBrackets(text: string): boolean {
  // As many that close.
  if (text.length < 2 * MAX_DEPTH) return false;
  let opening = 0;
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      opening += 1;
      if (opening > MAX_DEPTH) return true;
    }
  }
  return false;
}

function isLegal(json: unknown, depth: number): boolean {
  if (typeof json !== 'object' || json === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(json)) return json.every((item) => isLegal(item, depth + 1));
  for (const key in json) {
    if (key === '__proto__' || !isLegal((json as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}
