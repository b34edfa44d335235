// What a server stored, compared with what was sent: every line must be one whole message as it was sent, and
// the messages of one sender must stand in the order of sending within each file.
// Refuses: to guess. A line that is not exactly one of the messages counts as torn.

import { readFileSync } from 'node:fs';
import type { Messages } from './messages.ts';

export interface Stored {
  lines: number;
  /** Lines that are not exactly one sent message. */
  torn: number;
  /** Lines whose message was sent before that of an earlier line of the same file, or twice. */
  disordered: number;
}

const MARK = Buffer.from('seq=');
const DIGITS = 8;
const GREATER = 0x3e;

/** The number of the message in [from, to), or -1. */
function numberOf(bytes: Buffer, from: number, to: number): number {
  const mark = bytes.indexOf(MARK, from);
  if (mark < 0 || mark + MARK.length + DIGITS > to) return -1;
  let number = 0;
  for (let i = 0; i < DIGITS; i++) number = number * 10 + (bytes[mark + MARK.length + i] as number) - 48;
  return Number.isInteger(number) ? number : -1;
}

function isMessage(
  line: Buffer,
  from: number,
  to: number,
  sent: Messages,
  number: number,
  withPri: boolean,
): boolean {
  if (number < 0 || number >= sent.count) return false;
  const start = sent.starts[number] as number;
  const begin = withPri ? start : sent.bytes.indexOf(GREATER, start) + 1;
  const end = (sent.starts[number + 1] as number) - 1;
  return end - begin === to - from && line.compare(sent.bytes, begin, end, from, to) === 0;
}

/** Which of the senders sent it: each has the messages that begin in its share of the bytes (send_udp.c). */
function senderOf(sent: Messages, number: number, senders: number): number {
  return senders === 1 ? 0 : Math.floor(((sent.starts[number] ?? 0) * senders) / sent.bytes.length);
}

function verifyFile(path: string, sent: Messages, withPri: boolean, senders: number, stored: Stored): void {
  const bytes = readFileSync(path);
  const last = new Array<number>(senders).fill(-1);
  for (let from = 0; from < bytes.length; ) {
    const feed = bytes.indexOf(10, from);
    const to = feed < 0 ? bytes.length : feed;
    const number = numberOf(bytes, from, to);
    stored.lines++;
    const sender = senderOf(sent, number, senders);
    const before = last[sender] ?? -1;
    if (feed < 0 || !isMessage(bytes, from, to, sent, number, withPri)) stored.torn++;
    else if (number <= before) stored.disordered++;
    last[sender] = Math.max(before, number);
    from = to + 1;
  }
}

/** `withPri`: the lines still carry their PRI, as the sink leaves it. */
export function verify(paths: readonly string[], sent: Messages, withPri: boolean, senders: number): Stored {
  const stored = { lines: 0, torn: 0, disordered: 0 };
  for (const path of paths) verifyFile(path, sent, withPri, senders, stored);
  return stored;
}
