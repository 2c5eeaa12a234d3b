/** What the regular expressions of one value may cost to parse, in characters of an ordinary pattern: some 100 ms. */
export const MOST_REGEXP_COST = 100_000;

// Measured on V8 by parsing each a thousand times: sets of Unicode properties are built while a pattern is parsed.
const PROPERTY_COST = 1500;
const V_CHARACTER_COST = 24;
const V_PROPERTY_COST = 25_000;

/** What it costs to make a regular expression, at the most, before it is made. */
export function regexpCost(source: string, flags: string): number {
  const inSets = flags.includes('v');
  if (!inSets && !flags.includes('u')) return source.length;
  const properties = source.split(/\\p/i).length - 1;
  return inSets
    ? source.length * V_CHARACTER_COST + properties * V_PROPERTY_COST
    : source.length + properties * PROPERTY_COST;
}

/** A host without end takes a parser quadratic time. The longest that DNS knows has 253 characters. */
const LONG_HOST = /^[^/]*\/\/[^/?#]{10000}/;

/** Whether the text of a URL is one that a URL writes, all ASCII, and its host is not too long to be read in time. */
export function isCheapUrl(href: string): boolean {
  return /^[ -~]*$/.test(href) && !LONG_HOST.test(href);
}
