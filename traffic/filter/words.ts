// The words of a filter with the places where they stand, so that an error can point at one. Parentheses and `!` are
// words of their own wherever they stand; all others end at a space.
// Refuses: filters longer than FILTER_WORDS_MAX, which no person has written.

export const FILTER_WORDS_MAX = 400;

export interface Word {
  readonly text: string;
  /** Counted from 0, in the text of the filter. */
  readonly at: number;
}

export function splitWords(text: string): Word[] {
  const words = [...text.matchAll(/&&|\|\||[()!]|[^\s()!&|]+|[&|]/g)];
  return words.map((match) => ({ text: match[0], at: match.index }));
}
