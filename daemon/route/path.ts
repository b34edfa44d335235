// From a rule's template and a message's words to the path of a file. Static parts are the operator's and
// stay as written; what comes from the message goes through path-word.ts.

import type { FileTarget } from '../../config/server.ts';
import type { TemplateWord } from '../../config/template-words.ts';
import { type PathPiece, safePart } from './path-word.ts';

export type WordValues = Readonly<Record<TemplateWord, string>>;

/** Words that change with the clock: when they do, decisions made before are void. */
const DATE_WORDS: ReadonlySet<TemplateWord> = new Set(['date', 'year', 'month', 'day', 'hour']);

export function wordsOf(target: FileTarget): ReadonlySet<TemplateWord> {
  const words = new Set<TemplateWord>();
  for (const part of target.parts) if (part.kind === 'word') words.add(part.word);
  return words;
}

export function usesDate(target: FileTarget): boolean {
  for (const word of wordsOf(target)) if (DATE_WORDS.has(word)) return true;
  return false;
}

/** The absolute path; always strictly below the target's root. */
export function pathOf(target: FileTarget, values: WordValues): string {
  let path = '';
  let part: PathPiece[] = [];
  for (const piece of target.parts) {
    if (piece.kind === 'word') {
      part.push({ value: values[piece.word] });
      continue;
    }
    const [first = '', ...rest] = piece.text.split('/');
    part.push({ own: first });
    for (const next of rest) {
      path += `/${safePart(part)}`;
      part = [{ own: next }];
    }
  }
  return `${target.root === '/' ? '' : target.root}${path}/${safePart(part)}`;
}

export interface DateValues {
  readonly date: string;
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour: string;
  /** When the first of them changes, in milliseconds since 1970. */
  readonly untilMs: number;
}

/** The date words at a time of receipt, in the server's own zone. */
export function dateValues(receivedMs: number): DateValues {
  const now = new Date(receivedMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const year = String(now.getFullYear());
  const month = two(now.getMonth() + 1);
  const day = two(now.getDate());
  const intoHourMs = (now.getMinutes() * 60 + now.getSeconds()) * 1000 + now.getMilliseconds();
  return {
    date: `${year}-${month}-${day}`,
    year,
    month,
    day,
    hour: two(now.getHours()),
    untilMs: receivedMs - intoHourMs + 3_600_000,
  };
}
