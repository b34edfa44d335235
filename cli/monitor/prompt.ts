// The prompt for a filter: what is typed with a cursor of its own, scrolled where it is longer than the line, and below
// it either what may be typed or what is wrong, with a caret under the place.
// Refuses: to judge; press.ts asks the language.

import { wrapLines } from './detail.ts';
import { fitLine, type Line, safe, span } from './text.ts';
import type { Mode } from './view.ts';

type FilterMode = Extract<Mode, { kind: 'filter' }>;

const PROMPT = ' Filter: ';

export function promptLines({ text, cursor, error }: FilterMode, width: number): readonly Line[] {
  const room = width - PROMPT.length - 1;
  const from = Math.max(0, cursor - room);
  const shown = text.slice(from, from + room + 1);
  const at = cursor - from;
  const line = fitLine(
    [
      span(PROMPT, 'strong'),
      span(shown.slice(0, at)),
      { text: safe(shown.slice(at, at + 1)) || ' ', style: 'bar' },
      span(shown.slice(at + 1)),
    ],
    width,
  );
  if (error === undefined) {
    const word = ' Enter: in force. Esc: as it was. Empty: everything. Like: tcp port 2525 and host 10.0.0.1';
    return [line, fitLine([span(word, 'dim')], width)];
  }
  const place = Math.min(width - 1, PROMPT.length + Math.max(0, error.at - from));
  const caret = fitLine([span(' '.repeat(place)), span('^', 'bad')], width);
  return [line, caret, ...wrapLines([[span(` ${error.text}`, 'bad')]], width)];
}
