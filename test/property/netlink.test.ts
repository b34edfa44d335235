// Any bytes from a netlink socket: nothing throws, nothing is read behind the end, and a packet's head is either read or
// passed over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTrigger, readDatagram } from '../../client/monitor/who/triggers.ts';
import { readGroupFile, readGroupPath } from '../../client/monitor/who/units.ts';
import { readUsers } from '../../client/monitor/who/users.ts';
import { readStat } from '../../client/monitor/who/processes.ts';
import { readSocket } from '../../kernel/inet-diag.ts';
import { errorOf, walkMessages } from '../../kernel/netlink.ts';
import { readStart } from '../../kernel/process-events.ts';
import { fc } from './chance.ts';

const RUNS = 5000;

/** Mostly messages whose head is right, so that what is inside is looked at. */
const message = fc
  .tuple(
    fc.constantFrom(2, 3, 20, 21),
    fc.uint8Array({ maxLength: 400, size: 'max' }),
    fc.integer({ min: -4, max: 4 }),
  )
  .map(([type, body, lie]) => {
    const bytes = Buffer.alloc(16 + body.length);
    bytes.writeUInt32LE(Math.max(0, bytes.length + (body.length % 3 === 0 ? lie : 0)), 0);
    bytes.writeUInt16LE(type, 4);
    bytes.set(body, 16);
    if (body.length > 0 && type === 20) bytes[16] = body.length % 2 === 0 ? 2 : 10;
    return bytes;
  });
const datagram = fc.oneof(
  fc.array(message, { maxLength: 4 }).map((messages) => Buffer.concat(messages)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

test('any netlink message is read or passed over', () => {
  let sockets = 0;
  fc.assert(
    fc.property(datagram, (bytes) => {
      walkMessages(bytes, bytes.length, (one) => {
        assert.ok(one.from >= 16 && one.to <= bytes.length && one.from <= one.to);
        const socket = readSocket(bytes, one);
        if (socket) sockets += 1;
        errorOf(bytes, one);
        readStart(bytes, one);
      });
    }),
    { numRuns: RUNS },
  );
  assert.ok(sockets > 100, `${sockets} of them were sockets`);
});

test('what lies behind the end is not looked at', () => {
  fc.assert(
    fc.property(datagram, fc.nat(255), (bytes, fill) => {
      const read = (arena: Buffer) => {
        const seen: unknown[] = [];
        walkMessages(arena, bytes.length, (one) => seen.push(readSocket(arena, one), readStart(arena, one)));
        return seen;
      };
      const tail = Buffer.alloc(300, fill);
      assert.deepEqual(read(Buffer.concat([bytes, tail])), read(Buffer.concat([bytes, Buffer.alloc(300)])));
    }),
    { numRuns: RUNS },
  );
});

test('any head of a packet is read or passed over', () => {
  const head = fc.tuple(fc.constantFrom(0x45, 0x4f, 0x60, 0x00), fc.uint8Array({ maxLength: 127 }));
  fc.assert(
    fc.property(head, ([first, rest]) => {
      const bytes = Buffer.from([first, ...rest]);
      const arena = Buffer.concat([bytes, Buffer.alloc(128, 0xff)]);
      assert.deepEqual(readTrigger(arena, 0, bytes.length), readTrigger(bytes, 0, bytes.length));
      assert.deepEqual(readDatagram(arena, 0, bytes.length), readDatagram(bytes, 0, bytes.length));
    }),
    { numRuns: RUNS },
  );
});

test('any text of /proc and /etc is read or passed over', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      readUsers(text);
      readGroupPath(readGroupFile(text));
      readStat(1, text);
    }),
    { numRuns: RUNS },
  );
});
