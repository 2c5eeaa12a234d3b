import { MAX_DEPTH } from './plain.ts';

/** Nesting of a text beyond which it is not even parsed: annotations take two levels for each of the value. */
const MAX_NESTING = 3 * MAX_DEPTH;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether what a text parses to needs a closer look before it is a value. Throws for a text that is nested deeper than
 * anything ever written, and is not to be parsed at all.
 */
export function isSuspect(text: string): boolean {
  const nesting = nestingOf(text);
  if (nesting > MAX_NESTING) throw new Error('nested too deep');
  // An escape below U+0100 may spell a letter of `__proto__`.
  return nesting > MAX_DEPTH || holds(text, '_', '__proto__') || holds(text, '\\', '\\u00');
}

/** Whether a text includes a word. Most have not even its first letter, and one letter is looked for in half the time. */
function holds(text: string, first: string, word: string): boolean {
  return text.includes(first) && text.includes(word);
}

/** Whether parsed JSON is nowhere deeper than a value that is written and has no own `__proto__`. */
export function isLegalJson(json: unknown, depth = 0): boolean {
  if (typeof json !== 'object' || json === null) return true;
  if (depth >= MAX_DEPTH || Object.hasOwn(json, '__proto__')) return false;
  const items: readonly unknown[] = Array.isArray(json) ? json : Object.values(json);
  return items.every((item) => isLegalJson(item, depth + 1));
}

/** How deep the brackets of a JSON text nest; 0 for nearly every text, which has too few to matter. */
function nestingOf(text: string): number {
  if (!hasManyBrackets(text)) return 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // With bit 5 set, '[' is '{' and ']' is '}'.
    if ((unit | 0x20) === 0x7b) deepest = Math.max(deepest, ++depth);
    else if ((unit | 0x20) === 0x7d) depth -= 1;
    else if (unit === QUOTE) at = endOfString(text, at);
  }
  return deepest;
}

function hasManyBrackets(text: string): boolean {
  // The shortest text of that depth has as many opening brackets and as many closing ones.
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

/** Where the string that begins at `from` ends; the end of the text if it does not. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
