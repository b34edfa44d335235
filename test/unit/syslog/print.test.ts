// One message in every file format: what an operator sees, and the cases where a format has to decide.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isClean } from '../../../syslog/escape.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import {
  type FileFormat,
  FILE_FORMATS,
  LinePrinter,
  lineBytesMax,
  worstCase,
} from '../../../syslog/print.ts';
import { LogRecord } from '../../../syslog/record.ts';
import { UTC, zoneFor } from '../../../syslog/time.ts';

/** 2025-11-20T12:34:15.678Z */
const RECEIVED_MS = Date.UTC(2025, 10, 20, 12, 34, 15, 678);
const BERLIN = zoneFor('Europe/Berlin');

interface Options {
  readonly server?: typeof UTC;
  readonly sender?: typeof UTC;
  readonly via?: string;
}

const arena = new ArrayBuffer(1 << 20);
const bytes = Buffer.from(arena);
const words = new Int32Array(arena);
const MESSAGE_AT = 600_001;

/** The line without its LF. The message lies in the arena that the line is printed into, as it does in a lane. */
function printed(format: FileFormat, message: string | Buffer, options: Options = {}): string {
  const server = options.server ?? UTC;
  const sender = options.sender ?? server;
  const printer = new LinePrinter(server, options.via ?? 'udp');
  const record = new LogRecord();
  const text = Buffer.from(message as string);
  text.copy(bytes, MESSAGE_AT);
  parseMessage(record, bytes, MESSAGE_AT, MESSAGE_AT + text.length);
  const peer = { text: Buffer.from('192.0.2.7'), zone: sender, printsAsSent: sender === server };
  const clean = isClean(words, bytes, record.headerStart, record.end);
  const end = printer.print(format, record, peer, RECEIVED_MS, bytes, 3, clean);
  assert.equal(bytes[end - 1], 10, 'the last byte is LF');
  assert.ok(end - 3 <= worstCase(format, record, peer), 'within the worst case');
  assert.ok(worstCase(format, record, peer) <= lineBytesMax(text.length), 'within the longest line');
  const line = bytes.toString('utf8', 3, end - 1);
  assert.ok(!/[\0-\x1f\x7f]/.test(line), 'no control byte');
  return line;
}

const BSD = '<13>Nov 20 12:34:15 mhenimerz2c cloud_user: this-is-a-test-log-message';
const NEW =
  '<165>1 2025-11-20T13:34:15.003+01:00 web-1 shop 4711 ID47 [a@1 x="1" y="q\\"\\]"][b@1 z="é"] buy “now”';

test('traditional: the line that the operator knows', () => {
  const line = 'Nov 20 12:34:15 mhenimerz2c cloud_user: this-is-a-test-log-message';
  assert.equal(printed('traditional', BSD), line);
  const own =
    '<13>1 2025-11-20T12:34:15.123456+00:00 mhenimerz2c cloud_user - - [timeQuality tzKnown="1" isSynced="0"] this-is-a-test-log-message';
  assert.equal(printed('traditional', own), line);
  assert.equal(printed('traditional', NEW), 'Nov 20 12:34:15 web-1 shop[4711]: buy “now”');
});

test("times are in the server's zone, those without a zone as the sender's clock showed them", () => {
  assert.match(printed('traditional', NEW, { server: BERLIN }), /^Nov 20 13:34:15 web-1/);
  assert.match(printed('traditional', BSD, { server: BERLIN }), /^Nov 20 12:34:15 mhen/);
  assert.match(printed('traditional', BSD, { server: BERLIN, sender: UTC }), /^Nov 20 13:34:15 mhen/);
  assert.match(printed('traditional', BSD, { server: UTC, sender: BERLIN }), /^Nov 20 11:34:15 mhen/);
  assert.match(
    printed('iso', BSD, { server: BERLIN, sender: UTC }),
    /^2025-11-20T13:34:15\.000000\+01:00 mhen/,
  );
});

test('iso: microseconds and the zone', () => {
  assert.equal(printed('iso', NEW), '2025-11-20T12:34:15.003000+00:00 web-1 shop[4711]: buy “now”');
  const newfoundland = zoneFor('-03:30');
  assert.match(printed('iso', NEW, { server: newfoundland }), /^2025-11-20T09:04:15\.003000-03:30 /);
});

test('without host and time: the address of the sender and the time of reception', () => {
  assert.equal(printed('traditional', 'what is this'), 'Nov 20 12:34:15 192.0.2.7 what is this');
  assert.equal(printed('iso', 'what is this'), '2025-11-20T12:34:15.678000+00:00 192.0.2.7 what is this');
  assert.equal(
    printed('rfc5424', 'what is this'),
    '<13>1 2025-11-20T12:34:15.678+00:00 192.0.2.7 - - - - what is this',
  );
});

test('rfc5424: what was sent well is printed as it was sent, an older message gets the fields it has', () => {
  assert.equal(printed('rfc5424', NEW), NEW);
  assert.equal(
    printed('rfc5424', '<34>Oct  1 22:14:15 mymachine su[7]: failed'),
    '<34>1 2025-10-01T22:14:15+00:00 mymachine su 7 - - failed',
  );
  assert.equal(
    printed('rfc5424', '<0>1 - - - - - -'),
    '<0>1 2025-11-20T12:34:15.678+00:00 192.0.2.7 - - - -',
  );
});

test('rfc5424: structured data beside the grammar is written anew', () => {
  const line = printed(
    'rfc5424',
    '<14>1 2025-11-20T12:34:15Z esx1 Hostd - - [Originator@6876 sub=Vimsvc opID=ab-1] x',
  );
  assert.match(line, / \[Originator@6876 sub="Vimsvc" opID="ab-1"\] x$/);
  const twins = printed('rfc5424', '<14>1 2025-11-20T12:34:15Z h p - - [a@1 x="1"][b@1][a@1 y="]"] x');
  assert.match(twins, / \[a@1 x="1" y="\\]"\]\[b@1\] x$/);
});

test('json: exact keys, null where absent', () => {
  assert.equal(
    printed('json', NEW, { via: 'tcp' }),
    '{"pri":165,"facility":"local4","severity":"notice","timestamp":"2025-11-20T13:34:15.003+01:00","host":"web-1",' +
      '"program":"shop","procid":"4711","msgid":"ID47","structuredData":{"a@1":{"x":"1","y":"q\\"]"},"b@1":{"z":"é"}},' +
      '"message":"buy “now”","receivedAt":"2025-11-20T12:34:15.678000+00:00","fromHostIp":"192.0.2.7","via":"tcp"}',
  );
  assert.deepEqual(JSON.parse(printed('json', '<13>1 - - - - - -')), {
    pri: 13,
    facility: 'user',
    severity: 'notice',
    timestamp: null,
    host: null,
    program: null,
    procid: null,
    msgid: null,
    structuredData: null,
    message: '',
    receivedAt: '2025-11-20T12:34:15.678000+00:00',
    fromHostIp: '192.0.2.7',
    via: 'udp',
  });
});

test('json: a parameter that stands twice is a list, ids that stand twice are one object', () => {
  const line = printed('json', '<14>1 - - - - - [ip@1 a="1" a="2" __proto__="3"][ip@1 b="4"]');
  const { structuredData } = JSON.parse(line);
  assert.equal(JSON.stringify(structuredData), '{"ip@1":{"a":["1","2"],"__proto__":"3","b":"4"}}');
});

test('json: quotes, backslashes, controls and bytes that are not UTF-8', () => {
  const message = Buffer.concat([
    Buffer.from('<13>Nov 20 12:34:15 h p: "\\\t\u009b\x7f'),
    Buffer.from([0xff, 0xe2, 0x82]),
  ]);
  assert.equal(JSON.parse(printed('json', message)).message, '"\\\t\u009b\x7f\ufffd\ufffd');
});

test('json: what only looks like UTF-8 is none', () => {
  for (const [hex, count] of [
    ['eda080', 3],
    ['e08080', 3],
    ['f0808080', 4],
    ['f4908080', 4],
    ['c080', 2],
    ['f09f98', 1],
    ['f5', 1],
  ] as const) {
    const message = Buffer.concat([
      Buffer.from('<13>Nov 20 12:34:15 h p: a'),
      Buffer.from(hex, 'hex'),
      Buffer.from('b'),
    ]);
    assert.equal(JSON.parse(printed('json', message)).message, `a${'\ufffd'.repeat(count)}b`, hex);
  }
  assert.equal(JSON.parse(printed('json', '<13>Nov 20 12:34:15 h p: 日本 😀 é')).message, '日本 😀 é');
});

test('a leap second is no RFC 5424 time: it becomes the second after it', () => {
  const message = '<13>1 2016-12-31T23:59:60Z h p - - - x';
  assert.match(printed('rfc5424', message), / 2017-01-01T00:00:00\+00:00 h p /);
  assert.match(printed('traditional', '<13>Dec 31 23:59:60 h p: x'), /^Dec 31 23:59:60 h p: x$/);
});

test('raw: as it came, PRI and all, on one line', () => {
  assert.equal(printed('raw', NEW), NEW);
  assert.equal(printed('raw', 'a\nb\n'), 'a#012b');
});

test('one message is one line in every format', () => {
  for (const format of FILE_FORMATS) {
    const line = printed(format, '<13>Nov 20 12:34:15 ho\x1bst p\x07[1\x01]: a\r\nb\u0085');
    assert.ok(!/[\u0080-\u009f]/.test(line), `${format}: no C1 control`);
  }
  assert.equal(
    printed('traditional', '<13>Nov 20 12:34:15 h p: a\tb\nc'),
    'Nov 20 12:34:15 h p: a#011b#012c',
  );
});

test('a message whose text is all in its structured data keeps it in every format', () => {
  const message = '<14>1 2025-11-20T12:34:15Z fw RT_FLOW - DENY [junos@2636 src="192.0.2.1"]';
  assert.equal(
    printed('traditional', message),
    'Nov 20 12:34:15 fw RT_FLOW: DENY [junos@2636 src="192.0.2.1"]',
  );
});

test('header fields keep their limits and their alphabet', () => {
  const long = `<13>1 2025-11-20T12:34:15Z ${'h'.repeat(300)} ${'a'.repeat(60)} ${'p'.repeat(140)} ${'m'.repeat(40)} - x`;
  const fields = printed('rfc5424', long)
    .split(' ')
    .map((field) => field.length);
  assert.deepEqual(fields.slice(2, 6), [255, 48, 128, 32]);
});

test('the same second is printed from memory, the next one anew', () => {
  const printer = new LinePrinter(UTC, 'udp');
  const record = new LogRecord();
  const peer = { text: Buffer.from('::1'), zone: UTC, printsAsSent: false };
  const out = Buffer.alloc(400);
  const lines = [0, 1, 1000, 60_000, 86_400_000].map((ms) => {
    const text = Buffer.from('plain');
    parseMessage(record, text, 0, text.length);
    return out.toString(
      'latin1',
      0,
      printer.print('traditional', record, peer, RECEIVED_MS + ms, out, 0, true) - 1,
    );
  });
  assert.deepEqual(lines, [
    'Nov 20 12:34:15 ::1 plain',
    'Nov 20 12:34:15 ::1 plain',
    'Nov 20 12:34:16 ::1 plain',
    'Nov 20 12:35:15 ::1 plain',
    'Nov 21 12:34:15 ::1 plain',
  ]);
});
