// What the kernel said over netlink, recorded on Linux 6.18, is read as it was meant; damaged, it is nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../base/ip.ts';
import { InetDiag, type InetSocket, readSocket } from '../../../kernel/inet-diag.ts';
import {
  errorOf,
  makeRequest,
  NetlinkSocket,
  type NetlinkMessage,
  type Received,
  walkMessages,
} from '../../../kernel/netlink.ts';
import { readStart } from '../../../kernel/process-events.ts';

/** A connection that an IPv6 socket accepted over IPv4. */
const FOUND = Buffer.from(
  '7c0000001400000001000000201c00000a010000a00384a000000000000000000000ffff7f00000100000000000000000000ffff7f000001' +
    '0000000092eb00000000000000000000000000000000000000000000abc43d00050008000000000008000f00000000000c0015000100000000000000' +
    '0600160012000000',
  'hex',
);
/** There is no such socket. */
const ERROR = Buffer.from(
  '5c0000000200000002000000201c0000feffffff4800000014000100020000000000000002060000ffffffff000900017f000001' +
    '0000000000000000000000007f00000100000000000000000000000000000000ffffffffffffffff',
  'hex',
);
/** A socket is gone that had sent five bytes. */
const GONE = Buffer.from(
  '7c01000014000000000000000000000002070000c6aab30b7f0000010000000000000000000000007f0000010000000000000000' +
    '000000000000000099eb000000000000000000000000000000000000000000000000000005000a00060000001c01020007000000' +
    '0007aa00802c03000000000000800000180200000000000000000000000000000000000000000000600000000000000064000000' +
    '00000000ffff0000d7ff00005c150000892a0000ffffff7f0c000000cbff00000700000000000000d7ff0000000000009d5edbce' +
    '06000000ffffffffffffffff070000000000000000000000000000000400000003000000000000000d0000000000000001000000' +
    'f57b0b0000000000e0ab000000000000000000000000000000000000000000000300000000000000050000000000000000000000' +
    '00000000000000000000000000000000000001000000010000000000000000000000000000000000000000000000000000000000' +
    '00000000000000000000000000000000',
  'hex',
);

function socketsOf(bytes: Buffer, end = bytes.length): InetSocket[] {
  const sockets: InetSocket[] = [];
  walkMessages(bytes, end, (message) => {
    const socket = readSocket(bytes, message);
    if (socket) sockets.push(socket);
  });
  return sockets;
}

test('a socket that was found', () => {
  const [socket, ...others] = socketsOf(FOUND);
  assert.equal(others.length, 0);
  const loopback = parseAddress('127.0.0.1');
  assert.deepEqual(socket, {
    ...{ protocol: 0, cgroupId: 1, isV6Only: false, info: undefined, state: 1, isV6: true },
    ...{ local: loopback, localPort: 40963, remote: loopback, remotePort: 33952 },
    ...{ interfaceIndex: 0, cookie: 60306, uid: 0, inode: 4048043 },
  });
});

test('a socket that is gone, with what it had counted', () => {
  const [socket] = socketsOf(GONE);
  assert.ok(socket);
  assert.deepEqual([socket.protocol, socket.cookie, socket.inode, socket.state], [6, 60313, 0, 7]);
  assert.deepEqual([socket.localPort, socket.remotePort], [50858, 45835]);
  // The SYN and the FIN count as a byte each.
  assert.deepEqual(socket.info, {
    ...{ rttUs: 5468, retransmitted: 0, bytesAcked: 7, bytesReceived: 0, segmentsOut: 4, segmentsIn: 3 },
  });
});

test('an error says which', () => {
  let found: number | undefined;
  assert.ok(walkMessages(ERROR, ERROR.length, (message) => (found = errorOf(ERROR, message))));
  assert.equal(found, 2);
  assert.equal(errorOf(ERROR, { type: 2, flags: 0, sequence: 0, from: 16, to: 18 }), undefined);
});

test('a message that is cut is no socket, and the walk says so', () => {
  for (let end = 1; end < FOUND.length; end += 1) {
    assert.deepEqual(socketsOf(FOUND.subarray(0, end), end), []);
    if (end >= 16)
      assert.equal(
        walkMessages(FOUND, end, () => assert.fail('a cut message')),
        false,
      );
  }
  const long = Buffer.from(FOUND);
  long.writeUInt32LE(0xffff_fff0, 0);
  assert.equal(
    walkMessages(long, long.length, () => assert.fail('a lie')),
    false,
  );
  long.writeUInt32LE(8, 0);
  assert.equal(
    walkMessages(long, long.length, () => assert.fail('shorter than its head')),
    false,
  );
});

test('a family, a type and a length that do not fit are passed over', () => {
  const spoil = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(FOUND);
    change(bytes);
    return socketsOf(bytes).length;
  };
  assert.equal(
    spoil(() => {}),
    1,
  );
  assert.equal(
    spoil((bytes) => bytes.writeUInt8(7, 16)),
    0,
  );
  assert.equal(
    spoil((bytes) => bytes.writeUInt16LE(21, 4)),
    0,
  );
  assert.equal(
    spoil((bytes) => bytes.writeUInt32LE(16 + 71, 0)),
    0,
  );
  const [shortInfo] = socketsOf(
    (() => {
      const bytes = Buffer.from(GONE);
      // The attribute claims to end before what is read of it.
      bytes.writeUInt16LE(4 + 140, 16 + 72 + 8);
      return bytes;
    })(),
  );
  assert.equal(shortInfo?.info, undefined);
});

test('two messages in one datagram are two', () => {
  assert.deepEqual(
    socketsOf(Buffer.concat([FOUND, GONE])).map(({ cookie }) => cookie),
    [60306, 60313],
  );
});

/** A kernel that says what a test wants. */
class ScriptedSocket extends NetlinkSocket {
  readonly asked: Buffer[] = [];
  readonly #script: (sequence: number) => readonly (Buffer | Received)[];
  #waiting: (Buffer | Received)[] = [];

  constructor(script: (sequence: number) => readonly (Buffer | Received)[]) {
    super(-1);
    this.#script = script;
  }

  override send(message: Buffer): boolean {
    this.asked.push(Buffer.from(message));
    this.#waiting = [...this.#script(message.readUInt32LE(8))];
    return true;
  }

  override receive(): Received {
    const next = this.#waiting.shift() ?? 'nothing';
    if (typeof next === 'string') return next;
    next.copy(this.bytes);
    this.length = next.length;
    return 'bytes';
  }
}

function answered(message: Buffer, sequence: number): Buffer {
  const bytes = Buffer.from(message);
  bytes.writeUInt32LE(sequence, 8);
  return bytes;
}

const LOOPBACK = { w0: 0, w1: 0, w2: 0xffff, w3: 0x7f000001 };
const ENDS = {
  protocol: 6,
  local: LOOPBACK,
  localPort: 9,
  remote: LOOPBACK,
  remotePort: 1,
  interfaceIndex: 3,
};
const DONE = makeRequest(3, 0, 4);

test('an answer to another question is passed over', () => {
  const script = (sequence: number) => [answered(ERROR, sequence + 7), answered(FOUND, sequence)];
  const found = new InetDiag(new ScriptedSocket(script)).find(ENDS);
  assert.equal(found.kind, 'socket');
  const none = new InetDiag(new ScriptedSocket((sequence) => [answered(ERROR, sequence)])).find(ENDS);
  assert.deepEqual(none, { kind: 'none' });
  const foreign = Array.from({ length: 100 }, () => answered(FOUND, 999));
  assert.equal(new InetDiag(new ScriptedSocket(() => foreign)).find(ENDS).kind, 'failed');
  assert.equal(new InetDiag(new ScriptedSocket(() => ['overrun'])).find(ENDS).kind, 'failed');
});

test('the ends of UDP are asked for the other way round', () => {
  const socket = new ScriptedSocket(() => []);
  const diag = new InetDiag(socket);
  diag.find(ENDS);
  diag.find({ ...ENDS, protocol: 17 });
  const ports = socket.asked.map((bytes) => [bytes.readUInt16BE(24), bytes.readUInt16BE(26)]);
  assert.deepEqual(ports, [
    [9, 1],
    [1, 9],
  ]);
});

test('a dump is whole only with its end', () => {
  const dump = (...said: readonly (Buffer | Received)[]) => {
    const cookies: number[] = [];
    const script = (sequence: number) =>
      said.map((one) => (typeof one === 'string' ? one : answered(one, sequence)));
    const how = new InetDiag(new ScriptedSocket(script)).dump(6, 4, [1], ({ cookie }) =>
      cookies.push(cookie),
    );
    return [how, cookies.length];
  };
  assert.deepEqual(dump(FOUND, GONE, DONE), ['whole', 2]);
  assert.deepEqual(dump(FOUND), ['failed', 1]);
  assert.deepEqual(dump(FOUND, 'overrun'), ['overrun', 1]);
  assert.deepEqual(dump(FOUND, ERROR), ['failed', 1]);
  assert.deepEqual(dump(FOUND.subarray(0, 50)), ['failed', 0]);
});

test('what is new is a process, not a thread', () => {
  const event = (what: number, ...pids: readonly number[]): [Buffer, NetlinkMessage] => {
    const bytes = Buffer.alloc(16 + 20 + 40);
    bytes.writeUInt32LE(1, 16);
    bytes.writeUInt32LE(what, 36);
    pids.forEach((pid, at) => bytes.writeUInt32LE(pid, 52 + at * 4));
    return [bytes, { type: 3, flags: 0, sequence: 0, from: 16, to: bytes.length }];
  };
  assert.equal(readStart(...event(1, 10, 10, 11, 11)), 11);
  assert.equal(readStart(...event(1, 10, 10, 12, 11)), 0, 'a thread');
  assert.equal(readStart(...event(2, 14, 13)), 13);
  assert.equal(readStart(...event(0x8000_0000, 14, 13)), 0, 'an exit');
  const [bytes, message] = event(1, 10, 10, 11, 11);
  assert.equal(readStart(bytes, { ...message, to: 60 }), 0, 'cut');
});
