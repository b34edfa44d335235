// Which packets make the thread look somebody up: the program for the kernel, run here as the kernel would, and what is
// read of a packet that passed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compileDatagrams,
  compileTriggers,
  readDatagram,
  readTrigger,
} from '../../../../client/monitor/who/triggers.ts';
import { runBpf } from '../../traffic/bpf-machine.ts';

const SNAP = 128;
const OUT = 4;
const IN = 0;
const ETHERNET = 1;
const LOOPBACK = 772;
const [SYN, SYN_ACK, ACK, RST_ACK, ECN_SYN] = [0x02, 0x12, 0x10, 0x14, 0xc2];

function v4(protocol: number, transport: Buffer, options = 0, fragment = 0): Buffer {
  const header = Buffer.alloc(20 + options);
  header[0] = 0x40 | (5 + options / 4);
  header.writeUInt16BE(header.length + transport.length, 2);
  header.writeUInt16BE(fragment, 6);
  header[9] = protocol;
  header.set([10, 0, 0, 1], 12);
  header.set([10, 0, 0, 2], 16);
  return Buffer.concat([header, transport]);
}

function v6(protocol: number, transport: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(transport.length, 4);
  header[6] = protocol;
  header[23] = 1;
  header[39] = 2;
  return Buffer.concat([header, transport]);
}

function tcp(flags: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16BE(41_234, 0);
  bytes.writeUInt16BE(2525, 2);
  bytes.writeUInt32BE(0xdeadbeef, 4);
  bytes[13] = flags;
  return bytes;
}

function udp(sourcePort: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(53, 2);
  return bytes;
}

function passes(program: Buffer, packet: Buffer, type: number, device = ETHERNET): boolean {
  return runBpf(program, packet, { 4: type, 28: device }) > 0;
}

const TRIGGERS = compileTriggers(undefined, SNAP);

test('what goes out: a SYN and its answer; what comes in: the answer alone', () => {
  for (const packet of [v4, v6]) {
    const seen = (flags: number, type: number) => passes(TRIGGERS, packet(6, tcp(flags)), type);
    assert.deepEqual(
      [SYN, SYN_ACK, ECN_SYN].map((flags) => seen(flags, OUT)),
      [true, true, true],
    );
    assert.deepEqual(
      [ACK, RST_ACK].map((flags) => seen(flags, OUT)),
      [false, false],
    );
    assert.deepEqual(
      [SYN, SYN_ACK, ACK].map((flags) => seen(flags, IN)),
      [false, true, false],
    );
  }
});

test('on loopback the copy that is sent counts', () => {
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN)), OUT, LOOPBACK), true);
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN_ACK)), OUT, LOOPBACK), true);
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN_ACK)), IN, LOOPBACK), false);
});

test('options are looked over, fragments and all else refused', () => {
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN), 12), OUT), true);
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN), 0, 0x4000), OUT), true, 'do not fragment');
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN), 0, 0x0010), OUT), false, 'a later fragment');
  assert.equal(passes(TRIGGERS, v4(17, tcp(SYN)), OUT), false);
  assert.equal(passes(TRIGGERS, v6(44, tcp(SYN)), OUT), false);
  assert.equal(passes(TRIGGERS, v4(6, tcp(SYN)).subarray(0, 30), OUT), false, 'cut');
  assert.equal(passes(TRIGGERS, Buffer.from([0x50]), OUT), false);
});

test('a filter narrows it; one that is wrong does not', () => {
  const narrow = compileTriggers('port 2525', SNAP);
  assert.equal(passes(narrow, v4(6, tcp(SYN)), OUT), true);
  assert.equal(passes(compileTriggers('port 80', SNAP), v4(6, tcp(SYN)), OUT), false);
  assert.equal(passes(narrow, v4(6, tcp(ACK)), OUT), false);
  assert.equal(passes(compileTriggers('port or', SNAP), v4(6, tcp(SYN)), OUT), true);
});

test('UDP that goes out, but from services and ports that are left out', () => {
  const program = compileDatagrams(undefined, SNAP, [40_000, 40_001]);
  const seen = (port: number, type = OUT) => passes(program, v4(17, udp(port)), type);
  assert.deepEqual(
    [53, 1023, 1024, 39_999].map((port) => seen(port)),
    [false, false, true, true],
  );
  assert.deepEqual(
    [40_000, 40_001, 40_002].map((port) => seen(port)),
    [false, false, true],
  );
  assert.equal(seen(50_000, IN), false);
  assert.equal(passes(program, v6(17, udp(50_000)), OUT), true);
  assert.equal(passes(program, v6(6, udp(50_000)), OUT), false);
  const full = compileDatagrams(
    'udp',
    SNAP,
    Array.from({ length: 64 }, (_, i) => 2000 + i),
  );
  assert.equal(passes(full, v4(17, udp(2063)), OUT), false);
  assert.equal(passes(full, v4(17, udp(2064)), OUT), true);
});

test('what is read of a packet', () => {
  const [client, server] = [
    { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000001 },
    { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000002 },
  ];
  const ports = { sourcePort: 41_234, destinationPort: 2525 };
  const expected = { isAnswer: false, sequence: 0xdeadbeef, source: client, destination: server, ...ports };
  for (const options of [0, 20]) {
    const packet = v4(6, tcp(SYN), options);
    assert.deepEqual(readTrigger(packet, 0, packet.length), expected);
  }
  const six = v6(6, tcp(SYN_ACK));
  const arena = Buffer.concat([Buffer.alloc(7, 0xff), six]);
  assert.deepEqual(readTrigger(arena, 7, arena.length), {
    ...{ isAnswer: true, sequence: 0xdeadbeef, ...ports },
    ...{ source: { w0: 0, w1: 0, w2: 0, w3: 1 }, destination: { w0: 0, w1: 0, w2: 0, w3: 2 } },
  });
  assert.equal(readTrigger(six, 0, 53), undefined, 'cut before the flags');
  assert.equal(readTrigger(v4(6, tcp(ACK)), 0, 40), undefined);
  const datagram = v4(17, udp(50_000));
  assert.deepEqual(readDatagram(datagram, 0, datagram.length), {
    ...{ source: client, destination: server, sourcePort: 50_000, destinationPort: 53 },
  });
  assert.equal(readDatagram(datagram, 0, 23), undefined);
});
