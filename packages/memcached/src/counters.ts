/**
 * A safe integer `n` lies in the server as the decimal of `n + 2^62`: memcached's counters have no sign, stop at 0, and
 * pad with spaces what loses digits. This has always 19 of them. Not 2^63: from there on versions before 1.6.22 take
 * numbers for texts at random.
 */
const BIAS = 1n << 62n;

const DIGITS = 19;
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
/** What memcached's increment takes for a number, whatever follows a space behind its digits. */
const NUMBER = /^\s*[+-]?\d+(?![!-~])/;
/** Stands before a text that would be taken for a number, or that begins with it. */
const QUOTE = "'";

export function toBiased(number: number): bigint {
  return BigInt(number) + BIAS;
}

/** The safe integer, or `undefined` for what is outside. */
export function fromBiased(biased: bigint): number | undefined {
  const number = Number(biased - BIAS);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Whether a biased integer is a safe one, or was before a safe delta was added to it. */
export function wasSafe(biased: bigint, delta: number): boolean {
  return fromBiased(biased - BigInt(delta)) !== undefined;
}

/** How a counter or a text lies in the server. */
export function encodeStored(value: string | number): string {
  if (typeof value === 'number') return String(toBiased(value));
  return value.startsWith(QUOTE) || NUMBER.test(value) ? QUOTE + value : value;
}

/** What a text of the server is: a counter or a text of ours, or `null` for an integer of another program. */
export function decodeStored(text: string): string | number | null {
  const first = text.charCodeAt(0);
  if (first === 0x27) return text.slice(1);
  // Nearly all texts begin with a brace.
  if (first === 0x7b || !INTEGER.test(text)) return text;
  return (text.length === DIGITS ? fromBiased(BigInt(text)) : undefined) ?? null;
}
