import { check, endOfString } from './legal-json.ts';

const QUOTE = 0x22;

/**
 * Parses JSON as `JSON.parse` should: V8 in Node.js 24 and 26 can take a key with escapes for a key of an earlier object
 * that equals the beginning of its text. So such text is parsed with its keys as values, which V8 reads correctly.
 *
 * @see https://github.com/nodejs/node/issues/63785
 */
export function parseJson(text: string): unknown {
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', at)) {
    at = endOfString(text, at);
    if (isKey(text, at)) return fromLists(JSON.parse(toLists(text)));
  }
  return JSON.parse(text);
}

/** Whether the string that ends at this index is a key. */
function isKey(text: string, end: number): boolean {
  return text.slice(end + 1).trimStart()[0] === ':';
}

/** Turns `{"a":1,"b":2}` into `{"0":"a","1":1,"2":"b","3":2}`, and text that is no JSON into other text that is none. */
function toLists(text: string): string {
  /** The next index of the innermost object. A list has a negative one, so that text with a key in it is refused at once. */
  let index = -1;
  const outer: number[] = [];
  let lists = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const start = at;
      at = endOfString(text, at);
      if (isKey(text, at)) {
        check(index >= 0);
        lists += `${text.slice(from, start)}"${index++}":${text.slice(start, at)}","${index++}`;
        from = at;
      }
    } else if ((unit | 0x20) === 0x7b) {
      outer.push(index);
      index = unit - 0x7b;
    } else if ((unit | 0x20) === 0x7d) index = outer.pop() as number;
  }
  return lists + text.slice(from);
}

/** Turns the objects of `toLists` back. */
function fromLists(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) {
    for (let at = 0; at < json.length; at++) json[at] = fromLists(json[at]);
    return json;
  }
  const list = json as { readonly [index: number]: unknown };
  const object: Record<string, unknown> = {};
  for (let at = 0; at in list; ) {
    const key = list[at++] as string;
    check(key !== '__proto__');
    object[key] = fromLists(list[at++]);
  }
  return object;
}
