import { check, endOfString, QUOTE } from './legal-json.ts';

/**
 * Parses JSON as `JSON.parse` should: V8 in Node.js 24 and 26 can take a key with escapes for a key of an earlier object
 * that equals the beginning of its text. So such text is parsed apart from its keys, which V8 reads correctly in a list.
 *
 * @see https://github.com/nodejs/node/issues/63785
 */
export function parseJson(text: string): unknown {
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', at)) {
    at = endOfString(text, at);
    if (isKey(text, at)) return parseApart(text);
  }
  return JSON.parse(text);
}

/** Whether the string that ends at this index is a key. */
function isKey(text: string, end: number): boolean {
  return text.slice(end + 1).trimStart()[0] === ':';
}

/** Parses `{"a":{"b":1},"c":2}` as `{"0":{"0":1},"1":2}` and `["a","b","c"]`. */
function parseApart(text: string): unknown {
  /** The next index of the innermost object. A list has a negative one, so that text with a key in it is refused at once. */
  let index = -1;
  const outer: number[] = [];
  let values = '';
  let keys = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const start = at;
      at = endOfString(text, at);
      if (isKey(text, at)) {
        check(index >= 0);
        values += `${text.slice(from, start)}"${index++}`;
        keys += `${text.slice(start, at)}",`;
        from = at;
      }
      // Setting bit 5 turns '[' into '{' and ']' into '}'.
    } else if ((unit | 0x20) === 0x7b) {
      outer.push(index);
      index = unit - 0x7b;
    } else if ((unit | 0x20) === 0x7d) index = outer.pop() as number;
  }
  const parsed = JSON.parse(values + text.slice(from));
  return withKeys(parsed, JSON.parse(`[${keys}0]`).reverse());
}

/** Gives each object its keys, which lie in the order of the text, the first one on top. */
function withKeys(json: unknown, keys: string[]): unknown {
  if (typeof json !== 'object' || json === null) return json;
  // An object has indexes, too: `parseApart` gave it them for keys.
  const list = json as unknown[];
  if (Array.isArray(json)) {
    for (let at = 0; at in list; at++) list[at] = withKeys(list[at], keys);
    return list;
  }
  const object: Record<string, unknown> = {};
  for (let at = 0; at in list; at++) {
    const key = keys.pop() as string;
    check(key !== '__proto__');
    object[key] = withKeys(list[at], keys);
  }
  return object;
}
