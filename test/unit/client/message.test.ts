// Messages in a batch: what they look like, what happens at the limits, and who vouches for a time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Draft } from '../../../client/inputs/draft.ts';
import { MessageBatch, type Received } from '../../../client/inputs/message.ts';
import { printTimeQuality, TimeQuality } from '../../../client/inputs/time-quality.ts';
import type { KernelClock } from '../../../kernel/clock.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { FORMAT, LogRecord, TROUBLE } from '../../../syslog/record.ts';
import { UTC } from '../../../syslog/time.ts';
import { messageSettings } from './use-files.ts';

const QUALITY = '[timeQuality tzKnown="1" isSynced="1" syncAccuracy="1234"]';
const NOW_SEC = Math.floor(Date.now() / 1000);
const STAMP = `${new Date(NOW_SEC * 1000).toISOString().slice(0, 19)}.123456+00:00`;

function field(
  draft: Draft,
  name: 'host' | 'program' | 'procid' | 'msgid' | 'structured' | 'text',
  text: string,
) {
  draft[name].setAll(Buffer.from(text));
}

function draftOf(text: string): Draft {
  const draft = new Draft();
  draft.sec = NOW_SEC;
  draft.nanos = 123_456_789;
  field(draft, 'text', text);
  return draft;
}

function textsOf(batch: MessageBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) =>
    Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString(),
  );
}

const RECEIVED: Received = {
  at: { sec: NOW_SEC, nanos: 123_456_789 },
  zone: UTC,
  host: undefined,
  program: undefined,
  isLocal: false,
};

function parsed(text: string, received: Partial<Received> = {}, maxMessageBytes?: number): string {
  const batch = new MessageBatch(messageSettings(maxMessageBytes));
  const bytes = Buffer.from(text);
  const record = new LogRecord();
  parseMessage(record, bytes, 0, bytes.length);
  batch.addParsed(record, { ...RECEIVED, ...received });
  return textsOf(batch)[0] as string;
}

test('all fields, and none', () => {
  const batch = new MessageBatch(messageSettings());
  const draft = draftOf('text\nof two lines');
  draft.pri = 165;
  field(draft, 'host', 'db-1');
  field(draft, 'program', 'app');
  field(draft, 'procid', '7');
  field(draft, 'msgid', 'ID');
  field(draft, 'structured', '[x@1 a="b"]');
  batch.add(draft);
  batch.add(new Draft());
  assert.deepEqual(textsOf(batch), [
    `<165>1 ${STAMP} db-1 app 7 ID [x@1 a="b"] text\nof two lines`,
    '<13>1 - web-1 - - - -',
  ]);
});

test('fields keep their limits and their alphabet', () => {
  const batch = new MessageBatch(messageSettings());
  const draft = draftOf('x');
  field(draft, 'host', 'h'.repeat(300));
  field(draft, 'program', 'with space');
  batch.add(draft);
  const record = new LogRecord();
  const bytes = Buffer.from(textsOf(batch)[0] as string);
  parseMessage(record, bytes, 0, bytes.length);
  assert.deepEqual([record.format, record.trouble], [FORMAT.rfc5424, TROUBLE.none]);
  assert.equal(record.hostEnd - record.hostStart, 255);
  assert.equal(bytes.toString('utf8', record.programStart, record.programEnd), 'with#040space');
});

test('we vouch for times of our clock, of now, and for those alone', () => {
  const batch = new MessageBatch(messageSettings());
  const elsewhere = draftOf('x');
  const ours = draftOf('x');
  ours.isOurTime = true;
  const longAgo = draftOf('x');
  longAgo.isOurTime = true;
  longAgo.sec -= 3600;
  const both = draftOf('x');
  both.isOurTime = true;
  field(both, 'structured', '[x@1 a="b"]');
  const said = draftOf('x');
  said.isOurTime = true;
  field(said, 'structured', '[x@1 a="b"][timeQuality isSynced="0"]');
  for (const draft of [elsewhere, ours, longAgo, both, said]) batch.add(draft);
  const structured = textsOf(batch).map((text) => text.split(' web-1 - - - ')[1]?.slice(0, -2));
  assert.deepEqual(structured, [
    '-',
    QUALITY,
    '-',
    `${QUALITY}[x@1 a="b"]`,
    '[x@1 a="b"][timeQuality isSynced="0"]',
  ]);
});

test('what the kernel says becomes an element of RFC 5424 section 7.1', () => {
  const clock: KernelClock = { synchronised: true, maxErrorSec: 0.0163, pending: 'none', leaping: false };
  assert.equal(printTimeQuality(clock), '[timeQuality tzKnown="1" isSynced="1" syncAccuracy="16300"]');
  // Section 7.1.3: no accuracy of a clock that is not kept.
  assert.equal(printTimeQuality({ ...clock, synchronised: false }), '[timeQuality tzKnown="1" isSynced="0"]');
  assert.equal(printTimeQuality(undefined), '[timeQuality tzKnown="1" isSynced="0"]');
});

test('the kernel is asked once a second, with the first message of a batch', () => {
  let nowMs = 1_000_000;
  let asked = 0;
  const quality = new TimeQuality(
    () => {
      asked += 1;
      return undefined;
    },
    () => nowMs,
  );
  const batch = new MessageBatch({ ...messageSettings(), quality });
  const add = () => {
    batch.clear();
    for (let i = 0; i < 10; i += 1) batch.add(draftOf('x'));
  };
  for (let i = 0; i < 5; i += 1) add();
  assert.equal(asked, 1);
  nowMs += 1001;
  add();
  add();
  assert.equal(asked, 2);
});

test('over the limit: the text is cut at a character, structured data is left away, both are counted', () => {
  const batch = new MessageBatch(messageSettings(1024));
  for (const text of ['a'.repeat(5000), '€'.repeat(2000), '\u{1f514}'.repeat(2000)]) batch.add(draftOf(text));
  const texts = textsOf(batch);
  for (const text of texts) {
    assert.ok(Buffer.byteLength(text) <= 1024 && Buffer.byteLength(text) > 1020);
    assert.ok(!text.includes('\ufffd'));
  }
  assert.equal(batch.cut, 3);
  const draft = draftOf('kept');
  field(draft, 'structured', `[x@1 a="${'b'.repeat(2000)}"]`);
  batch.add(draft);
  assert.match(textsOf(batch)[3] as string, / - - - kept$/);
  assert.equal(batch.cut, 4);
  field(draft, 'text', 'd'.repeat(2000));
  batch.add(draft);
  assert.equal(batch.cut, 5, 'a message is cut once, whatever of it');
  const exact = 1024 - Buffer.byteLength(`<13>1 ${STAMP} web-1 - - - - `);
  batch.add(draftOf('c'.repeat(exact)));
  batch.add(draftOf('c'.repeat(exact + 1)));
  assert.equal(batch.cut, 6);
});

test('a batch has room until it has none, and what was taken leaves', () => {
  const batch = new MessageBatch(messageSettings(), 3);
  for (const text of ['one', 'two', 'three']) {
    assert.ok(batch.hasRoom);
    batch.add(draftOf(text));
  }
  assert.ok(!batch.hasRoom);
  batch.release(2);
  assert.deepEqual(
    textsOf(batch).map((text) => text.split(' ').at(-1)),
    ['three'],
  );
  batch.add(draftOf('four'));
  batch.release(0);
  assert.deepEqual(
    textsOf(batch).map((text) => text.split(' ').at(-1)),
    ['three', 'four'],
  );
  batch.release(2);
  assert.equal(batch.count, 0);
  const large = new MessageBatch(messageSettings(64 * 1024));
  let count = 0;
  for (; large.hasRoom; count += 1) large.add(draftOf('x'.repeat(60_000)));
  assert.ok(count >= 4 && count < 10, `${count} large messages`);
});

test('RFC 5424 to the letter is taken as it is; for a local program its clock is vouched for', () => {
  const message = `<165>1 ${STAMP} db-1 app 7 ID [x@1 a="b"] text`;
  assert.equal(parsed(message), message);
  assert.equal(parsed(message, { isLocal: true }), message.replace('[x@1', `${QUALITY}[x@1`));
  const says = message.replace('[x@1', '[timeQuality tzKnown="0"][x@1');
  assert.equal(parsed(says, { isLocal: true }), says);
});

test('what RFC 5424 leaves open is filled in: time and host', () => {
  assert.equal(
    parsed('<165>1 - - app - - - text', { host: Buffer.from('192.0.2.7') }),
    `<165>1 ${STAMP} 192.0.2.7 app - - ${QUALITY} text`,
  );
  assert.equal(parsed('<165>1 - - app - - - text'), `<165>1 ${STAMP} web-1 app - - ${QUALITY} text`);
});

test('RFC 3164 keeps its time and host; a local program gets the word about its clock', () => {
  const bsd = new Date(NOW_SEC * 1000).toUTCString().split(' ');
  const stamp = `${bsd[2]} ${String(Number(bsd[1])).padStart(2)} ${bsd[4]}`;
  const seconds = STAMP.replace('.123456', '.000000');
  assert.equal(parsed(`<34>${stamp} db-1 su[7]: text`), `<34>1 ${seconds} db-1 su 7 - - text`);
  assert.equal(
    parsed(`<34>${stamp} su[7]: text`, { isLocal: true }),
    `<34>1 ${seconds} web-1 su 7 - ${QUALITY} text`,
  );
});

test('structured data beside the grammar is written to the letter', () => {
  const text = parsed(`<165>1 ${STAMP} db-1 app 7 ID [x@1 a=b] text`);
  assert.equal(text, `<165>1 ${STAMP} db-1 app 7 ID [x@1 a="b"] text`);
});

test('RFC 5424 over the limit is cut like any other', () => {
  const message = `<165>1 ${STAMP} db-1 app 7 ID - ${'x'.repeat(3000)}`;
  const text = parsed(message, {}, 1024);
  assert.equal(text.length, 1024);
  assert.ok(message.startsWith(text));
});
