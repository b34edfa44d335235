// Capture files that contradict themselves, and the two byte orders: what is whole is read, what is not is an ending.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  pcapHeader,
  pcapngInterface,
  pcapngPacket,
  pcapngSection,
  pcapRecord,
} from '../../../traffic/pcap/write.ts';
import { readerOf } from './captures.ts';

const PACKET = { sec: 1_763_700_000, nanos: 5000, bytes: Buffer.from('abcdef'), frameBytes: 60 };

function readAll(bytes: Uint8Array): { count: number; ending: string; timeUs: number } {
  const reader = readerOf(bytes);
  let count = 0;
  while (reader.next()) count += 1;
  return { count, ending: reader.ending, timeUs: reader.timeUs };
}

test('a pcapng packet that claims more bytes than its block is no packet', () => {
  const packet = pcapngPacket(0, PACKET);
  const whole = Buffer.concat([pcapngSection(), pcapngInterface('eth0', 1, 0), packet, packet]);
  assert.deepEqual(readAll(whole), { count: 2, ending: 'whole', timeUs: 1_763_700_000_000_005 });
  const claims = Buffer.from(whole);
  claims.writeUInt32LE(13, whole.length - packet.length + 20);
  assert.deepEqual(readAll(claims), { count: 1, ending: 'bad', timeUs: 1_763_700_000_000_005 });
});

test('a packet of an interface that was never named is none', () => {
  assert.equal(readAll(Buffer.concat([pcapngSection(), pcapngPacket(0, PACKET)])).ending, 'bad');
});

test('a file of the other byte order is the same file', () => {
  const little = Buffer.concat([pcapHeader(1, 100, 'micros'), pcapRecord(PACKET, 'micros')]);
  const big = Buffer.from(little);
  for (const at of [0, 8, 12, 16, 20, 24, 28, 32, 36]) big.subarray(at, at + 4).reverse();
  big.subarray(4, 6).reverse();
  big.subarray(6, 8).reverse();
  assert.deepEqual(readAll(big), { count: 1, ending: 'whole', timeUs: 1_763_700_000_000_005 });
  assert.deepEqual(readAll(big.subarray(0, big.length - 1)).ending, 'cut');
});

test('what is no capture file, is none', () => {
  for (const text of ['', 'PK', '<34>1 2026-11-21T00:00:00Z host app - - - x']) {
    assert.notEqual(readAll(Buffer.from(text)).ending, 'whole', text);
  }
});
