// An independent witness: what the package syslog-parse accepts as a BSD line, our parser reads alike.
// The exceptions, all of them decisions of docs/parsing.md: a lone `word:` that looks like a host is one; a year
// or a zone behind the time is no host; a number with a colon may be Cisco's; CEF and LEEF are no programs to
// cut off. The witness trims texts, takes any number for a PRI and finds lines in the middle of others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from './chance.ts';
import syslogParse from 'syslog-parse';
import { parseMessage } from '../../syslog/parse.ts';
import { LogRecord } from '../../syslog/record.ts';
import { looksLikeHost } from '../../syslog/words.ts';
import { lettersEnd, NOT_A_ZONE, zoneWord } from '../../syslog/zones.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

const two = (max: number, min = 0): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((value) => String(value).padStart(2, '0'));

const line = fc.record({
  pri: fc.option(fc.integer({ min: 0, max: 191 })),
  month: fc.constantFrom(...MONTHS),
  day: fc.integer({ min: 1, max: 28 }),
  isPadded: fc.boolean(),
  clock: fc.tuple(two(23), two(59), two(59)),
  host: fc.option(fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,20}$/)),
  program: fc.stringMatching(/^[A-Za-z][\w()./-]{0,20}$/),
  pid: fc.option(fc.integer({ min: 1, max: 99_999 })),
  space: fc.constantFrom(' ', '  ', ''),
  text: fc.stringMatching(/^[A-Za-z0-9][ -~]{0,40}$/),
});

type Line = typeof line extends fc.Arbitrary<infer T> ? T : never;

function spell(parts: Line): string {
  const day = parts.isPadded ? String(parts.day).padStart(2, ' ') : String(parts.day);
  const pri = parts.pri === null ? '' : `<${parts.pri}>`;
  const host = parts.host === null ? '' : `${parts.host} `;
  const pid = parts.pid === null ? '' : `[${parts.pid}]`;
  return `${pri}${parts.month} ${day} ${parts.clock.join(':')} ${host}${parts.program}${pid}:${parts.space}${parts.text}`;
}

function isException(parts: Line): boolean {
  const word = Buffer.from(parts.host ?? parts.program);
  if (/^(CEF|LEEF)$/.test(parts.program) || /^\d{4}$/.test(word.toString())) return true;
  if (zoneWord(word, 0, lettersEnd(word, 0, word.length)) !== NOT_A_ZONE) return true;
  if (parts.host === null && looksLikeHost(word, 0, word.length)) return true;
  // `am` and `pm` belong to the time.
  return /^[ap]m$/i.test(word.toString());
}

test('what the witness accepts, our parser reads alike', () => {
  fc.assert(
    fc.property(line, (parts) => {
      fc.pre(!isException(parts));
      const text = spell(parts);
      const witness = syslogParse(text);
      assert.ok(witness, text);
      const bytes = Buffer.from(text);
      const record = new LogRecord();
      parseMessage(record, bytes, 0, bytes.length);
      const field = (start: number, end: number): string =>
        start < 0 ? '' : bytes.toString('utf8', start, end);
      const ours = {
        priority: parts.pri === null ? 0 : record.pri,
        clock: [record.hour, record.minute, record.second],
        month: MONTHS[record.month - 1],
        host: field(record.hostStart, record.hostEnd),
        process: field(record.programStart, record.programEnd),
        pid: record.procidStart < 0 ? undefined : Number(field(record.procidStart, record.procidEnd)),
        message: field(record.msgStart, record.msgEnd).trim(),
      };
      const theirs = {
        priority: witness.priority,
        clock: [witness.time.getHours(), witness.time.getMinutes(), witness.time.getSeconds()],
        // The witness has no month of its own: it sets today's date piece by piece, and on the 31st it slips.
        month: parts.month,
        host: witness.host,
        process: witness.process,
        pid: witness.pid,
        message: witness.message,
      };
      assert.deepEqual(ours, theirs, text);
    }),
    { numRuns: 20_000 },
  );
});
