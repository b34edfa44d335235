// The messages of a load: a file of lines as hosts send them, about 130 bytes each, and where each begins, so
// that what a server stored can be compared byte by byte. Message i carries its own number.
// Refuses: chance. The same count makes the same bytes, on every machine.

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const HOSTS = 100;

export interface Messages {
  readonly count: number;
  /** One message a line, PRI included. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Where message i begins; one more entry marks the end of the last. */
  readonly starts: Float64Array;
  /** Bytes of all messages as stored in the traditional format: without PRI, with LF. */
  readonly storedBytes: number;
}

const TEXTS = [
  'connection from 192.0.2.17 port 51522 accepted after 3 ms, session opened for the user of the day',
  'GET /status HTTP/1.1 200 1532 bytes in 4 ms, upstream kept alive, cache hit',
  'worker finished its job and waits for the next one; queue length is now zero, oldest entry none at all',
  'disk temperature is 41 degrees, all sectors readable, next self test in six hours',
  'lease renewed for one of the hosts in the second rack, valid for another twelve hours from now on',
];

/** RFC 3164 with every facility and severity, 100 hosts, 10 programs; `seq=` and eight digits in each. */
export function messageText(i: number): string {
  const second = String(i % 60).padStart(2, '0');
  const tag = `app${i % 10}[${1000 + (i % 30000)}]`;
  return `<${(i * 7) % 192}>Nov 20 12:34:${second} host${i % HOSTS} ${tag}: seq=${String(i).padStart(8, '0')} ${TEXTS[i % TEXTS.length]}`;
}

export function makeMessages(count: number, folder: string): Messages {
  const path = join(folder, `messages-${count}.txt`);
  const starts = new Float64Array(count + 1);
  const pieces: Buffer[] = [];
  let lines = '';
  let at = 0;
  let priBytes = 0;
  for (let i = 0; i < count; i++) {
    const text = messageText(i);
    starts[i] = at;
    at += text.length + 1;
    priBytes += text.indexOf('>') + 1;
    lines += `${text}\n`;
    if (lines.length > 1 << 20 || i === count - 1) {
      pieces.push(Buffer.from(lines, 'latin1'));
      lines = '';
    }
  }
  starts[count] = at;
  const bytes = Buffer.concat(pieces);
  const file = openSync(path, 'w');
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  closeSync(file);
  return { count, path, bytes, starts, storedBytes: at - priBytes };
}
