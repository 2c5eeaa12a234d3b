import { MAX_DEPTH } from './plain.ts';

/** Text that is nested deeper is not parsed. Annotations add up to two levels for each level of the value. */
const MAX_NESTING = 3 * MAX_DEPTH;

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether the parsed text needs `assertLegalJson`. Throws if the text is nested deeper than `serialize` ever writes; such
 * text must not be parsed at all.
 */
export function isSuspect(text: string): boolean {
  const nesting = nestingOf(text);
  check(nesting <= MAX_NESTING);
  // Most texts lack even a `_`, which takes half as long to find. A `__proto__` with escapes is refused by `parseJson`.
  return nesting > MAX_DEPTH || (text.includes('_') && text.includes('__proto__'));
}

/** Throws if parsed JSON is deeper than `serialize` ever writes, or has an own `__proto__`. */
export function assertLegalJson(json: unknown, depth = 0): void {
  if (typeof json !== 'object' || json === null) return;
  check(depth < MAX_DEPTH && !Object.hasOwn(json, '__proto__'));
  for (const item of Object.values(json)) assertLegalJson(item, depth + 1);
}

/** Throws unless a condition holds that holds for every entry that can be read. */
export function check(holds: unknown): asserts holds {
  if (!holds) throw new Error('cannot be read');
}

/** The nesting depth of JSON text; 0 if it has too few brackets to exceed `MAX_DEPTH`, as nearly every text. */
function nestingOf(text: string): number {
  // Text of that depth has at least as many opening and as many closing brackets.
  if (text.length < 2 * MAX_DEPTH || !hasManyBrackets(text)) return 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Setting bit 5 turns '[' into '{' and ']' into '}'.
    if (unit === QUOTE) at = endOfString(text, at);
    else if ((unit | 0x20) === 0x7b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if ((unit | 0x20) === 0x7d) depth -= 1;
  }
  return deepest;
}

function hasManyBrackets(text: string): boolean {
  let opening = 0;
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      opening += 1;
      if (opening > MAX_DEPTH) return true;
    }
  }
  return false;
}

/** The index of the quote that ends the string which `from` is in; the length of the text if there is none. */
export function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
