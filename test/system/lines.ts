// What the tests themselves know of the formats, written apart from the program: how a time, a control byte
// and a stored line look. Where the program and this file differ, one of them is wrong.

import assert from 'node:assert/strict';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function two(value: number, pad: string): string {
  return String(value).padStart(2, pad);
}

/** `Nov 20 12:34:15` in the zone of this machine. */
export function stamp(at: Date): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => two(part, '0')).join(':');
  return `${MONTHS[at.getMonth()]} ${two(at.getDate(), ' ')} ${time}`;
}

/** Control bytes as syslog daemons write them into a line: `#ooo`, octal. */
export function escaped(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, (char) => `#${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** RFC 5424 header, structured data, message: enough of it for what logger, rsyslogd and syslog-ng send. */
const RFC5424 = /^<\d+>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: ([\s\S]*))?$/;

/** The line of the traditional format that a message as sent must become. `from` stands in for a missing host. */
export function traditionalLine(message: string, from: string, now: Date): string {
  const parts = RFC5424.exec(message);
  if (parts === null) return escaped(message.replace(/^<\d+>/, ''));
  const [, time = '-', host = '-', program = '-', procid = '-', , , text = ''] = parts;
  const tag = procid === '-' ? program : `${program}[${procid}]`;
  const when = stamp(time === '-' ? now : new Date(time));
  return `${when} ${host === '-' ? from : host} ${tag}: ${escaped(text)}`;
}

/** Equal byte by byte; where they are not, the first line that differs is shown, not all of them. */
export function assertSameLines(actual: string, expected: string): void {
  if (actual === expected) return;
  const [ours, theirs] = [actual.split('\n'), expected.split('\n')];
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  assert.equal(ours[at], theirs[at], `line ${at + 1} differs`);
  assert.equal(ours.length, theirs.length, 'the number of lines differs');
}
