import { MAX_DEPTH } from './plain.ts';

/** Text that is nested deeper is not parsed. Annotations add up to two levels for each level of the value. */
const MAX_NESTING = 3 * MAX_DEPTH;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether the parsed text needs `assertLegalJson`. Throws if the text is nested deeper than `serialize` ever writes; such
 * text must not be parsed at all.
 */
export function isSuspect(text: string): boolean {
  const nesting = nestingOf(text);
  if (nesting > MAX_NESTING) throw new Error('nested too deep');
  // An escape below U+0100 may encode a character of `__proto__`.
  return nesting > MAX_DEPTH || holds(text, '_', '__proto__') || holds(text, '\\', '\\u00');
}

/** Whether text includes a word. Most texts lack even its first character, which takes half as long to find. */
function holds(text: string, first: string, word: string): boolean {
  return text.includes(first) && text.includes(word);
}

/** Throws if parsed JSON is deeper than `serialize` ever writes, or has an own `__proto__`. */
export function assertLegalJson(json: unknown, depth = 0): void {
  if (typeof json !== 'object' || json === null) return;
  if (depth >= MAX_DEPTH || Object.hasOwn(json, '__proto__')) throw new Error('a value that is never written');
  const items: readonly unknown[] = Array.isArray(json) ? json : Object.values(json);
  for (const item of items) assertLegalJson(item, depth + 1);
}

/** The nesting depth of JSON text; 0 if it has too few brackets to exceed `MAX_DEPTH`, as nearly every text. */
function nestingOf(text: string): number {
  if (!hasManyBrackets(text)) return 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Setting bit 5 turns '[' into '{' and ']' into '}'.
    if ((unit | 0x20) === 0x7b) deepest = Math.max(deepest, ++depth);
    else if ((unit | 0x20) === 0x7d) depth -= 1;
    else if (unit === QUOTE) at = endOfString(text, at);
  }
  return deepest;
}

function hasManyBrackets(text: string): boolean {
  // Text of that depth has at least as many opening and as many closing brackets.
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

/** The index of the quote that ends the string starting at `from`; the length of the text if there is none. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
