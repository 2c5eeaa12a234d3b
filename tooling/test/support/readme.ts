/** A program that a README shows: a `ts` block that imports something, and the blocks after it that import nothing. */
export interface Snippet {
  /** The first line of its first block in the README, counted from 1. */
  readonly line: number;
  readonly firstBlock: string;
  /** Every block on the lines on which it stands in the README, so that a compiler's positions hold there too. */
  readonly text: string;
}

/** The `ts` blocks of a Markdown text, as programs. */
export function snippets(markdown: string): readonly Snippet[] {
  const found: Snippet[] = [];
  for (const { 1: block = '', index } of markdown.matchAll(/^```ts\b.*\n([\s\S]*?)^```$/gm)) {
    const line = lineBreaks(markdown.slice(0, index)) + 2;
    const begun = /^import /m.test(block) ? undefined : found.pop();
    const above = begun?.text ?? '';
    const text = above + '\n'.repeat(line - 1 - lineBreaks(above)) + block;
    found.push({ line: begun?.line ?? line, firstBlock: begun?.firstBlock ?? block, text });
  }
  return found;
}

function lineBreaks(text: string): number {
  return text.split('\n').length - 1;
}
