/**
 * The maximum cost of parsing the regular expressions of a value, in characters of a simple pattern: about 100 ms.
 */
export const MAX_REGEXP_COST = 100_000;

// Measured on V8 over a thousand parses each. V8 builds the sets of Unicode properties while it parses a pattern.
const PROPERTY_COST = 1500;
const V_CHARACTER_COST = 24;
const V_PROPERTY_COST = 25_000;

/** An upper bound of the cost of parsing a regular expression, computed without parsing it. */
export function regexpCost(source: string, flags: string): number {
  const inSets = flags.includes('v');
  if (!inSets && !flags.includes('u')) return source.length;
  const properties = source.split(/\\p/i).length - 1;
  return inSets
    ? source.length * V_CHARACTER_COST + properties * V_PROPERTY_COST
    : source.length + properties * PROPERTY_COST;
}

/**
 * Matches the text of a URL that is all ASCII, as a serialised URL is, and whose host is short enough to be parsed in time:
 * URL parsers take quadratic time in its length. DNS allows 253 characters.
 */
export const CHEAP_URL: RegExp = /^(?![^/]*\/\/[^/?#]{10000})[ -~]*$/;
