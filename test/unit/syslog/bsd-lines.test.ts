// Lines that a syslog daemon wrote, read back with syslog-parse: what is taken as such a line, where its parts
// stand, and that the text keeps every byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBsdLine } from '../../../syslog/bsd-lines.ts';
import { FORMAT, LogRecord, NO_ZONE } from '../../../syslog/record.ts';

interface Parts {
  pri: number;
  date: readonly number[];
  host: string;
  program: string;
  procid: string;
  text: string;
}

const DEFAULT_PRI = 30;

function read(line: string): Parts | undefined {
  // Amid other bytes: nothing outside the line may be looked at.
  const bytes = Buffer.from(`Nov 20 ${line}] x: y`, 'latin1');
  const [start, end] = [7, 7 + line.length];
  const record = new LogRecord();
  if (!readBsdLine(record, bytes, start, end, DEFAULT_PRI)) {
    assert.deepEqual(
      [record.pri, record.msgStart, record.msgEnd, record.hostStart],
      [DEFAULT_PRI, start, end, -1],
    );
    return undefined;
  }
  assert.equal(record.format, FORMAT.rfc3164);
  assert.equal(record.zoneMin, NO_ZONE);
  const field = (from: number, to: number) => (from < 0 ? '' : bytes.toString('latin1', from, to));
  return {
    pri: record.pri,
    date: [record.month, record.day, record.hour, record.minute, record.second],
    host: field(record.hostStart, record.hostEnd),
    program: field(record.programStart, record.programEnd),
    procid: field(record.procidStart, record.procidEnd),
    text: field(record.msgStart, record.msgEnd),
  };
}

test('the usual line', () => {
  assert.deepEqual(read('Nov 20 12:34:15 mhenimerz2c cloud_user[77]: this-is-a-test'), {
    pri: DEFAULT_PRI,
    date: [11, 20, 12, 34, 15],
    host: 'mhenimerz2c',
    program: 'cloud_user',
    procid: '77',
    text: 'this-is-a-test',
  });
});

test('with a PRI, one digit of day, no host, no pid', () => {
  const line = read('<165>Feb  3 01:02:03 kernel: x');
  assert.deepEqual(
    [line?.pri, line?.date, line?.host, line?.program, line?.procid],
    [165, [2, 3, 1, 2, 3], '', 'kernel', ''],
  );
});

test('the month is that of the line, whatever day today is', () => {
  // The package sets today's date piece by piece: on the 31st its February becomes March.
  for (const [i, month] of ['Jan', 'Feb', 'Apr', 'Jun', 'Sep', 'Nov'].entries())
    assert.equal(read(`${month} 28 00:00:00 h p: x`)?.date[0], [1, 2, 4, 6, 9, 11][i]);
  assert.deepEqual(read('Feb 29 00:00:00 h p: x')?.date.slice(0, 2), [2, 29]);
});

test('the text keeps its bytes: spaces, no UTF-8, further lines', () => {
  assert.equal(read('Nov 20 12:34:15 h p:   three spaces ')?.text, '  three spaces ');
  assert.equal(read('Nov 20 12:34:15 h p:none')?.text, 'none');
  assert.equal(read('Nov 20 12:34:15 h p: \xff\xa0\x85')?.text, '\xff\xa0\x85');
  assert.equal(read('Nov 20 12:34:15 h p: one\n  two: three\n')?.text, 'one\n  two: three\n');
  assert.equal(read(`Nov 20 12:34:15 h p: ${'x'.repeat(5000)}`)?.text.length, 5000);
});

for (const line of [
  '',
  'x',
  'no header at all',
  'text before Nov 20 12:34:15 h p: x',
  ' Nov 20 12:34:15 h p: x',
  '<192>Nov 20 12:34:15 h p: x',
  '<1a>Nov 20 12:34:15 h p: x',
  'Nov 31 12:34:15 h p: x',
  'Nov 20 24:34:15 h p: x',
  'Nov 20 2026 12:34:15 h p: x',
  'Nov 20 12:34:15 h no colon',
  'Nov 20 12:34:15',
  'Nov 20 12:34:15 h p[7',
  '2026-11-20T12:34:15Z h p: x',
])
  test(`no such line: "${line}"`, () => assert.equal(read(line), undefined));
