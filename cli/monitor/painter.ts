// Lines of a frame as what a terminal is sent: only those that have changed, each at its place, within one synchronised
// update so that a terminal that knows it never shows half a screen. Colours are an extra: without them everything is
// still told apart by its words, and the bar by reverse video.
// Refuses: to scroll, to clear what is right, to write a line that wraps (the terminal does not wrap while we draw).

import { fitLine, type Line, type Style } from './text.ts';
import type { Size } from './view.ts';

/** ECMA-48 and xterm's private modes; 2026 is synchronised output, which others ignore. */
const CSI = '\x1b[';
const BEGIN = `${CSI}?2026h`;
const END = `${CSI}?2026l`;
const PLAIN = `${CSI}0m`;

/** Alternate screen, cursor hidden, no wrapping, everything erased. */
export const ENTER_SCREEN = `${CSI}?1049h${CSI}?25l${CSI}?7l${PLAIN}${CSI}2J`;
/** And back, in the reverse order; an update that was cut short is ended first. */
export const LEAVE_SCREEN = `${END}${PLAIN}${CSI}?7h${CSI}?25h${CSI}?1049l`;

const COLOURS: Readonly<Record<Style, string>> = {
  plain: '',
  dim: '2',
  strong: '1',
  bar: '7',
  title: '1;4',
  good: '32',
  warn: '33',
  bad: '1;31',
  accent: '36',
};
/** Where NO_COLOR is set: weight and reverse video are no colours. */
const WEIGHTS: Readonly<Record<Style, string>> = {
  plain: '',
  dim: '2',
  strong: '1',
  bar: '7',
  title: '1;4',
  good: '',
  warn: '',
  bad: '1',
  accent: '',
};

export class Painter {
  readonly #codes: Readonly<Record<Style, string>>;
  #shown: string[] = [];
  #size: Size = { columns: 0, rows: 0 };

  constructor(hasColours: boolean) {
    this.#codes = hasColours ? COLOURS : WEIGHTS;
  }

  /** The terminal shows something else now: all is drawn again. */
  forget(): void {
    this.#size = { columns: 0, rows: 0 };
  }

  /** What to write so that the terminal shows these lines; empty if it does already. */
  paint(lines: readonly Line[], size: Size): string {
    const isOther = size.columns !== this.#size.columns || size.rows !== this.#size.rows;
    if (isOther) this.#shown = [];
    this.#size = size;
    const parts: string[] = [];
    for (let at = 0; at < size.rows; at++) {
      const text = this.#text(fitLine(lines[at] ?? [], size.columns));
      if (this.#shown[at] === text) continue;
      this.#shown[at] = text;
      parts.push(`${CSI}${at + 1};1H${text}`);
    }
    if (parts.length === 0) return '';
    return `${BEGIN}${isOther ? `${PLAIN}${CSI}2J` : ''}${parts.join('')}${END}`;
  }

  /** Each line begins and ends plain, so that it can be drawn alone. */
  #text(line: Line): string {
    let isPlain = true;
    let text = '';
    for (const { text: words, style } of line) {
      const code = this.#codes[style];
      if (code !== '') text += `${isPlain ? '' : PLAIN}${CSI}${code}m`;
      else if (!isPlain) text += PLAIN;
      isPlain = code === '';
      text += words;
    }
    return isPlain ? text : text + PLAIN;
  }
}
