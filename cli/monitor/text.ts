// What stands in a cell of the screen: texts made safe, measured in columns, cut and padded to fit, and numbers made
// short. A line is spans with a style; what a style looks like is painter.ts.
//
// Refuses: control characters, escape sequences and combining marks, whatever a process or an interface calls itself.

import { plainText } from '../table.ts';

export type Style = 'plain' | 'dim' | 'strong' | 'bar' | 'title' | 'good' | 'warn' | 'bad' | 'accent';

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Span[];

export type Align = 'left' | 'right';

/** Characters that terminals draw two columns wide: East Asian wide and full-width forms, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** What stands on the character before it, or steers how others are drawn. */
const MARKS = /[\p{M}\u00ad]/gu;
const ASCII = /^[\x20-\x7e]*$/;

export function span(text: string, style: Style = 'plain'): Span {
  return { text: safe(text), style };
}

/** The same text without anything that steers a terminal. */
export function safe(text: string): string {
  return ASCII.test(text) ? text : plainText(text).replace(MARKS, '');
}

function charWidth(char: string): number {
  return WIDE.test(char) ? 2 : 1;
}

export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** As much of it as fits, from the start, without a sign of the cut. */
function take(text: string, width: number): string {
  if (ASCII.test(text)) return text.slice(0, width);
  let [taken, used] = ['', 0];
  for (const char of text) {
    used += charWidth(char);
    if (used > width) break;
    taken += char;
  }
  return taken;
}

/** Exactly `width` columns: padded, or cut with a sign of the cut. */
export function fit(text: string, width: number, align: Align = 'left'): string {
  if (width <= 0) return '';
  const long = textWidth(text);
  if (long > width) return fit(`${take(text, width - 1)}~`, width, align);
  const room = ' '.repeat(width - long);
  return align === 'left' ? text + room : room + text;
}

/** Cut in its middle: of an address and a port, the start and the port say most. */
export function fitMiddle(text: string, width: number): string {
  if (text.length <= width || !ASCII.test(text)) return fit(text, width);
  const tail = Math.max(0, Math.floor((width - 1) / 2));
  return `${text.slice(0, width - 1 - tail)}~${text.slice(text.length - tail)}`;
}

/** Exactly `width` columns; what is too much is cut off its end, what is missing is blank in the last span's style. */
export function fitLine(line: Line, width: number): Line {
  const fitted: Span[] = [];
  let left = width;
  for (const one of line) {
    const text = textWidth(one.text) > left ? take(one.text, left) : one.text;
    left -= textWidth(text);
    if (text !== '') fitted.push({ text, style: one.style });
  }
  const last = line.at(-1)?.style === 'bar' || line.at(-1)?.style === 'title' ? line.at(-1) : undefined;
  if (left > 0) fitted.push({ text: ' '.repeat(left), style: last?.style ?? 'plain' });
  return fitted;
}

/** One text at each end of a line; the left one gives way. */
export function bothEnds(left: Line, right: Line, width: number): Line {
  const rightWidth = Math.min(width, lineWidth(right));
  return fitLine([...fitLine(left, width - rightWidth), ...right], width);
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + textWidth(text), 0);
}

export function lineText(line: Line): string {
  return line.map(({ text }) => text).join('');
}

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** 999, 1.2k, 12k, 123k, 1.2M: four columns at most, in powers of a thousand, so that columns of them can be compared. */
export function short(value: number): string {
  let rest = Math.max(0, value);
  let unit = 0;
  // 999.6 would be printed as 1000.
  while (Math.round(rest) >= 1000 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const text = unit === 0 || rest >= 9.95 ? Math.round(rest).toString() : rest.toFixed(1);
  return `${text}${UNITS[unit]}`;
}

/** A whole count as long as it has room, else short. */
export function shortCount(value: number, width: number): string {
  const whole = String(Math.round(value));
  return whole.length <= width ? whole : short(value);
}

/** A span of time in five columns: 0.4s, 12s, 3m20s, 2h05m, 3d04h. */
export function shortSpan(us: number): string {
  const seconds = Math.max(0, us) / 1e6;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`.slice(0, 6);
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** Milliseconds in five columns: 0.042, 0.42, 12.3, 1234; nothing where it was not seen. */
export function shortMs(us: number): string {
  if (us < 0) return '';
  const ms = us / 1000;
  if (ms < 0.1) return ms.toFixed(3);
  if (ms < 10) return ms.toFixed(2);
  return ms < 100 ? ms.toFixed(1) : String(Math.min(99_999, Math.round(ms)));
}

/** 21:53:03, in the zone of this machine. */
export function clockText(us: number): string {
  const at = new Date(us / 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
