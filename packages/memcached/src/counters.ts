/**
 * A safe integer `n` is stored as the decimal of `n + 2^62`, because memcached's counters are unsigned, stop at 0, and are
 * padded with spaces when they lose digits. The biased form always has 19 digits. Not 2^63: versions before 1.6.22 reject
 * numbers from there on as non-numeric, at random.
 */
const BIAS = 1n << 62n;

const DIGITS = 19;
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
/** Text that memcached's increment takes for a number: a space after the digits may be followed by anything. */
const NUMBER = /^\s*[+-]?\d+(?![!-~])/;
/** Prefix of a stored text that memcached would take for a number, or that begins with this prefix itself. */
const QUOTE = "'";

export function toBiased(number: number): bigint {
  return BigInt(number) + BIAS;
}

/** The safe integer, or `undefined` if it is outside that range. */
export function fromBiased(biased: bigint): number | undefined {
  const number = Number(biased - BIAS);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Whether a biased integer was safe before `delta` was added to it. */
export function wasSafe(biased: bigint, delta: number): boolean {
  return fromBiased(biased - BigInt(delta)) !== undefined;
}

/** The stored form of a counter or a text. */
export function encodeStored(value: string | number): string {
  if (typeof value === 'number') return String(toBiased(value));
  return value.startsWith(QUOTE) || NUMBER.test(value) ? QUOTE + value : value;
}

/** The counter or text of a stored form, or `null` for an integer that another program wrote. */
export function decodeStored(text: string): string | number | null {
  const first = text.charCodeAt(0);
  if (first === 0x27) return text.slice(1);
  // Nearly all texts begin with a brace.
  if (first === 0x7b || !INTEGER.test(text)) return text;
  return (text.length === DIGITS ? fromBiased(BigInt(text)) : undefined) ?? null;
}
