// Messages on a local socket, whatever they are: nothing is thrown, every field lies within the message, no byte
// of text is lost, and what leaves is RFC 5424 that our own parser reads back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalMessage } from '../../client/inputs/devlog/local-message.ts';
import { MessageBatch } from '../../client/inputs/message.ts';
import { parseLocal } from '../../syslog/local.ts';
import { parseMessage } from '../../syslog/parse.ts';
import { FORMAT, LogRecord, TROUBLE } from '../../syslog/record.ts';
import { zoneFor } from '../../syslog/time.ts';
import { HOST, makeSettings } from '../unit/client/input-parts.ts';
import { fc, SEED } from './chance.ts';

const pieces = [
  '<13>',
  '<0>',
  'Nov 20 12:34:15 ',
  'Nov  1 12:34:15 ',
  '2026-11-20T12:34:15.5Z ',
  '1 2026-11-20T12:34:15Z host app 1 ID ',
  `${HOST} `,
  'tower ',
  'app: ',
  'app[12]: ',
  'app:',
  '[12] ',
  '[x@1 a="b"] ',
  '[trusted@32473 pid="1"] ',
  '- ',
  'text',
  ' ',
  '\n',
  '\0',
  ':',
  '[',
];
const message = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...pieces).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

const own = Buffer.from(HOST);

test('every field lies within the message, and the text reaches to its end', () => {
  const record = new LogRecord();
  fc.assert(
    fc.property(message, (bytes) => {
      const all = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]);
      const [start, end] = [6, 6 + bytes.length];
      parseLocal(record, all, start, end, own);
      const fields = [
        [record.hostStart, record.hostEnd],
        [record.programStart, record.programEnd],
        [record.procidStart, record.procidEnd],
        [record.msgidStart, record.msgidEnd],
        [record.sdStart, record.sdEnd],
        [record.msgStart, record.msgEnd],
      ] as const;
      for (const [from, to] of fields) {
        if (from >= 0) assert.ok(from >= start && from <= to && to <= end, `${from} to ${to}`);
      }
      assert.equal(record.msgEnd, record.end);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
});

test('what leaves is RFC 5424, with the same text', () => {
  const local = new LocalMessage(HOST, zoneFor('UTC'));
  const batch = new MessageBatch(makeSettings());
  const record = new LogRecord();
  const sender = { pid: 4711, uid: 1000, gid: 1000 };
  fc.assert(
    fc.property(message, (bytes) => {
      batch.clear();
      if (!local.read(bytes, 0, bytes.length, sender, { sec: 1_795_230_000, nanos: 5000 })) return;
      batch.add(local.draft);
      parseMessage(record, batch.bytes, batch.starts[0] as number, batch.ends[0] as number);
      assert.equal(record.format, FORMAT.rfc5424);
      assert.equal(record.trouble, TROUBLE.none);
      const { text } = local.draft;
      const sent = batch.bytes.toString('latin1', record.msgStart, batch.ends[0]);
      assert.equal(sent, Buffer.from(text.bytes).toString('latin1', text.start, text.end));
      assert.notEqual(record.pri >> 3, 0);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
});
