// The log file of a busy program, as the agent finds it: plain lines of about 105 bytes without header, each with
// its own number, and the comparison of what a server stored of them, byte by byte.
// Refuses: chance, and to guess. A stored line that does not end with exactly one of the lines counts as torn.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const TEXTS = [
  'connection from 192.0.2.17 port 51522 accepted after 3 ms, session opened for the user',
  'GET /status HTTP/1.1 200 1532 bytes in 4 ms, upstream kept alive, cache hit, nothing to add',
  'worker finished its job and waits for the next one; queue length is now zero',
  'disk temperature is 41 degrees, all sectors readable, next self test in six hours',
  'lease renewed for one of the hosts in the second rack, valid for another twelve hours from now',
];

const MARK = Buffer.from('seq=');
const DIGITS = 8;
/** So much is written, and read again, at once. */
const PIECE_BYTES = 4 << 20;

export interface LogFile {
  readonly path: string;
  readonly count: number;
  readonly bytes: number;
}

function lineText(i: number): string {
  return `seq=${String(i).padStart(DIGITS, '0')} ${TEXTS[i % TEXTS.length]}`;
}

export function writeLogFile(folder: string, count: number): LogFile {
  const path = join(folder, `lines-${count}.txt`);
  const fd = openSync(path, 'w');
  let bytes = 0;
  let piece = '';
  for (let i = 0; i < count; i++) {
    piece += `${lineText(i)}\n`;
    if (piece.length < PIECE_BYTES && i < count - 1) continue;
    const whole = Buffer.from(piece, 'latin1');
    for (let done = 0; done < whole.length; ) done += writeSync(fd, whole, done);
    bytes += whole.length;
    piece = '';
  }
  closeSync(fd);
  return { path, count, bytes };
}

/** Every line of a file, without its line feed, in constant memory. */
function* linesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  const memory = Buffer.allocUnsafe(PIECE_BYTES);
  let kept = 0;
  for (let got = -1; got !== 0; ) {
    got = readSync(fd, memory, kept, memory.length - kept, null);
    const filled = kept + got;
    let from = 0;
    for (let to = memory.indexOf(10); to >= 0 && to < filled; to = memory.indexOf(10, from)) {
      yield memory.subarray(from, to);
      from = to + 1;
    }
    memory.copy(memory, 0, from, filled);
    kept = filled - from;
    if (kept === memory.length) break;
  }
  closeSync(fd);
  if (kept > 0) yield memory.subarray(0, kept);
}

export interface Arrived {
  lines: number;
  torn: number;
  missing: number;
  /** Lines that stood there already. */
  twice: number;
  /** Lines behind one that was written later, not counting those that came twice. */
  disordered: number;
}

function numberOf(line: Buffer): number {
  const mark = line.indexOf(MARK);
  if (mark < 0) return -1;
  const number = Number(line.toString('latin1', mark + MARK.length, mark + MARK.length + DIGITS));
  const text = Number.isInteger(number) ? lineText(number) : '';
  const isWhole = line.length - mark === text.length && line.toString('latin1', mark) === text;
  return isWhole ? number : -1;
}

export function checkArrived(path: string, count: number): Arrived {
  const arrived = { lines: 0, torn: 0, missing: 0, twice: 0, disordered: 0 };
  const seen = new Uint8Array(count);
  let last = -1;
  for (const line of linesOf(path)) {
    const number = numberOf(line);
    arrived.lines++;
    if (number < 0 || number >= count) arrived.torn++;
    else if (seen[number] === 1) arrived.twice++;
    else {
      seen[number] = 1;
      if (number < last) arrived.disordered++;
      last = Math.max(last, number);
    }
  }
  arrived.missing = seen.reduce((sum, one) => sum + 1 - one, 0);
  return arrived;
}
