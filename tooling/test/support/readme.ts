/** A program in a README: a `ts` block with imports, and the blocks after it without imports. */
export interface Snippet {
  /** The line number in the README of its first line, counted from 1. */
  readonly line: number;
  readonly firstBlock: string;
  /** All blocks, each on its line numbers in the README, so that the positions of compiler errors match the README. */
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
