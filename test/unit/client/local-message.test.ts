// What local programs send, and what becomes of it: by example, with the sender that the kernel names.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalMessage, type LocalSender } from '../../../client/inputs/devlog/local-message.ts';
import { MessageBatch } from '../../../client/inputs/message.ts';
import { zoneFor } from '../../../syslog/time.ts';
import { HOST, makeSettings } from './input-parts.ts';

const ROOT: LocalSender = { pid: 4711, uid: 0, gid: 0 };
const USER: LocalSender = { pid: 4711, uid: 1000, gid: 1000 };
/** 2026-11-21T03:00:00.25Z */
const AT = { sec: Date.UTC(2026, 10, 21, 3) / 1000, nanos: 250_000_000 };

function read(text: string, sender = USER, zone = 'UTC'): string {
  const message = new LocalMessage(HOST, zoneFor(zone));
  const bytes = Buffer.from(`xx${text}yy`, 'latin1');
  if (!message.read(bytes, 2, bytes.length - 2, sender, AT)) return 'empty';
  const batch = new MessageBatch(makeSettings());
  batch.add(message.draft);
  return batch.bytes.toString('latin1', batch.starts[0], batch.ends[0]);
}

/** Of a message that says nothing else. */
function fields(text: string, sender = USER, zone = 'UTC') {
  const found = /^<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|\[.*\])(?: ([\s\S]*))?$/.exec(
    read(text, sender, zone),
  );
  assert.ok(found, read(text, sender, zone));
  const [, pri, time, host, program, procid, msgid, structured, message] = found;
  return { pri, time, host, program, procid, msgid, structured, message };
}

test('what syslog(3) writes: a tag with its pid, no host', () => {
  const found = fields('<13>Nov 21 03:00:00 app[4711]: hello: world');
  assert.equal(found.pri, '13');
  assert.equal(found.host, HOST);
  assert.equal(found.program, 'app');
  assert.equal(found.procid, '4711');
  assert.equal(found.structured, '-');
  assert.equal(found.message, 'hello: world');
});

test('a tag is never taken for a host, whatever follows it', () => {
  for (const text of ['warning: disk: full', 'sshd[12]: no', 'word', '10.0.0.1 said: no']) {
    const found = fields(`<13>Nov 21 03:00:00 app: ${text}`);
    assert.deepEqual([found.host, found.program, found.message], [HOST, 'app', text]);
  }
});

test('a first word without a colon is text', () => {
  const found = fields('<13>Nov 21 03:00:00 just a text: really');
  assert.deepEqual([found.host, found.program, found.message], [HOST, '-', 'just a text: really']);
});

test('the name of this very host before a tag is the host, in full and in short', () => {
  for (const host of [HOST, 'tower', 'TOWER']) {
    const found = fields(`<13>Nov 21 03:00:00 ${host} app: hello`);
    assert.deepEqual([found.host, found.program, found.message], [host, 'app', 'hello']);
  }
  assert.equal(fields('<13>Nov 21 03:00:00 towel app: hello').message, 'towel app: hello');
});

test('without a time, as Python sends it, the tag and the time of reception count', () => {
  const found = fields('<14>myapp: no time\0');
  assert.deepEqual([found.program, found.message, found.pri], ['myapp', 'no time', '14']);
  assert.equal(found.time, '2026-11-21T03:00:00.250000+00:00');
  assert.equal(fields('<14>some words: and a colon').message, 'some words: and a colon');
});

test('without a PRI it is user.notice', () => {
  const found = fields('just text');
  assert.deepEqual([found.pri, found.program, found.message], ['13', '-', 'just text']);
});

test('NUL and line end behind the text are no text; lines within it are', () => {
  assert.equal(fields('<13>Nov 21 03:00:00 app: one\ntwo\n\0').message, 'one\ntwo');
  assert.equal(fields('<13>Nov 21 03:00:00 app: \xff\xfe').message, '\xff\xfe');
});

test('nothing at all is no message', () => {
  assert.equal(read(''), 'empty');
  assert.equal(read('\0'), 'empty');
  assert.equal(read('\n'), 'empty');
});

test('a pid that the program does not name is the kernel’s', () => {
  assert.equal(fields('<13>Nov 21 03:00:00 app: hello').procid, '4711');
  assert.equal(fields('<13>Nov 21 03:00:00 app: hello', { ...USER, pid: 0 }).procid, '-');
});

test('a pid that is another than the kernel’s stays, with the kernel’s word beside it', () => {
  const found = fields('<13>Nov 21 03:00:00 app[99]: hello');
  assert.equal(found.procid, '99');
  assert.equal(found.structured, '[trusted@32473 pid="4711" uid="1000" gid="1000"]');
  assert.equal(fields('<13>Nov 21 03:00:00 app[99]: hello', { ...USER, pid: 0 }).structured, '-');
  assert.equal(fields('<13>Nov 21 03:00:00 app[x]: hello').structured?.includes('pid="4711"'), true);
});

test('nobody vouches for himself', () => {
  const own = '[trusted@32473 pid="1" uid="0" gid="0"]';
  const found = fields(`<13>1 2026-11-21T03:00:00Z h app 99 - ${own} hello`);
  assert.equal(found.structured?.includes('uid="0"'), false);
  assert.equal(found.structured?.includes('[trusted@32473 pid="4711" uid="1000" gid="1000"]'), true);
});

test('RFC 5424 on the local socket keeps its fields', () => {
  const found = fields('<165>1 2026-11-21T02:59:59.5Z other app 4711 ID7 [x@1 a="b"] hello');
  assert.equal(found.time, '2026-11-21T02:59:59.500000+00:00');
  assert.deepEqual([found.host, found.program, found.procid, found.msgid], ['other', 'app', '4711', 'ID7']);
  assert.equal(found.structured?.endsWith('[x@1 a="b"]'), true);
  assert.equal(found.message, 'hello');
  const liar = fields('<165>1 2026-11-21T02:59:59.5Z other app 5 ID7 [x@1 a="b"] hello');
  assert.equal(
    liar.structured?.endsWith('[x@1 a="b"][trusted@32473 pid="4711" uid="1000" gid="1000"]'),
    true,
  );
});

test('only root speaks as the kernel', () => {
  assert.equal(fields('<3>Nov 21 03:00:00 app: hello', ROOT).pri, '3');
  assert.equal(fields('<3>Nov 21 03:00:00 app: hello', USER).pri, '11');
});

test('a time that fits its reception becomes the reception’s, which is finer', () => {
  const fine = '2026-11-21T03:00:00.250000+00:00';
  assert.equal(fields('<13>Nov 21 03:00:00 app: x').time, fine);
  assert.equal(fields('<13>Nov 21 02:59:59 app: x').time, fine);
  assert.equal(fields('<13>Nov 21 02:59:58 app: x').time, fine);
  assert.equal(fields('<13>Nov 21 02:59:50 app: x').time, '2026-11-21T02:59:50.000000+00:00');
  assert.equal(fields('<13>Nov 20 03:00:00 app: x').time, '2026-11-20T03:00:00.000000+00:00');
});

test('a time that is off by a zone was made without the zone', () => {
  const fine = '2026-11-21T03:00:00.250000+00:00';
  // A program in a chroot writes UTC, or another zone of its own.
  assert.equal(fields('<13>Nov 21 03:00:00 app: x', USER, '+05:45').time, fine);
  assert.equal(fields('<13>Nov 20 22:30:00 app: x').time, fine);
  assert.equal(fields('<13>Nov 20 22:31:00 app: x').time, '2026-11-20T22:31:00.000000+00:00');
});

test('a quality of the clock stands where we know it, and only now', () => {
  const batchOf = (sec: number) => {
    const message = new LocalMessage(HOST, zoneFor('UTC'));
    const bytes = Buffer.from('<13>app: x');
    message.read(bytes, 0, bytes.length, USER, { sec, nanos: 0 });
    const batch = new MessageBatch(makeSettings());
    batch.add(message.draft);
    return batch.bytes.toString('latin1', batch.starts[0], batch.ends[0]);
  };
  assert.match(batchOf(Date.now() / 1000), /\[timeQuality tzKnown="1" isSynced="1" syncAccuracy="1000"\]/);
});
