// What happens to a connection is told once, at its time, as what it was: each kind of ending, silence, a late tail,
// the same tuple again, two interfaces, a full table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT, SERVER } from '../../../traffic/flow/columns.ts';
import { stateOf } from '../../../traffic/flow/state.ts';
import { newPacket } from '../../../traffic/packet/packet.ts';
import { setEnds, Story, tcpPacket } from './segments.ts';

test('a connection opens and closes, and a late FIN is no new one', () => {
  const story = new Story().handshake().wait(2);
  story.tcp({ from: 'c', flags: 'FA', seq: 101, ack: 501 }, { from: 's', flags: 'FA', seq: 501, ack: 102 });
  assert.deepEqual(story.told, ['0 opened']);
  story.tcp({ from: 'c', flags: 'A', seq: 102, ack: 502 }).wait(3);
  story.tcp({ from: 's', flags: 'FA', seq: 501, ack: 102 }).wait(70);
  assert.deepEqual(story.told, ['0 opened', '2 closed', '65 (ended)']);
});

test('a RST of the server to a SYN is a refusal, later one a reset with its side', () => {
  const refused = new Story().tcp({ from: 'c', flags: 'S', seq: 1 }, { from: 's', flags: 'RA', ack: 2 });
  assert.deepEqual([refused.told, stateOf(refused.table.flows, 0)], [['0 refused'], 'REJ']);
  const reset = new Story()
    .handshake()
    .tcp({ from: 's', flags: 'R', seq: 501 }, { from: 's', flags: 'R', seq: 501 });
  assert.deepEqual([reset.told, stateOf(reset.table.flows, 0)], [['0 opened', '0 reset'], 'RSTR']);
  assert.equal(reset.table.flows.firstReset[0], SERVER);
  const byClient = new Story().handshake().tcp({ from: 'c', flags: 'R', seq: 101 });
  assert.deepEqual([stateOf(byClient.table.flows, 0), byClient.table.flows.firstReset[0]], ['RSTO', CLIENT]);
});

test('an ICMP unreachable that quotes the SYN refuses it, with its code', () => {
  const story = new Story().tcp({ from: 'c', flags: 'S', seq: 1 });
  const error = newPacket();
  setEnds(error, false, 41_234);
  Object.assign(error, {
    protocol: 1,
    hasPorts: false,
    hasIcmp: true,
    icmpType: 3,
    icmpCode: 13,
    hasQuote: true,
  });
  Object.assign(error.quote, tcpPacket({ from: 'c', flags: 'S' }));
  story.packet(error);
  assert.deepEqual(story.told, ['0 opened', '0 refused'], 'the ICMP packet is a flow of its own');
  assert.equal(story.table.flows.unreachableCode[0], 13);
});

test('a SYN that is tried again and never answered is told once', () => {
  const story = new Story();
  for (const gap of [1, 2, 4, 8]) story.tcp({ from: 'c', flags: 'S', seq: 7 }).wait(gap);
  story.tcp({ from: 'c', flags: 'S', seq: 7 }).wait(32).tcp({ from: 'c', flags: 'S', seq: 7 }).wait(61);
  assert.deepEqual(story.told, ['35 noAnswer', '107 (ended)']);
});

test('silence with data outstanding is a timeout; without it, nothing', () => {
  const idle = new Story().handshake().wait(300);
  assert.deepEqual(idle.told, ['0 opened']);
  const story = new Story()
    .handshake()
    .tcp({ from: 'c', flags: 'PA', seq: 101, ack: 501, data: 10 })
    .wait(100);
  assert.deepEqual(story.told, ['0 opened', '60 timeout']);
  story.tcp({ from: 's', flags: 'A', seq: 501, ack: 111 }).wait(100);
  assert.equal(story.told.length, 2, 'it lives again');
});

test('what is sent again and again in vain is a timeout too, and told once', () => {
  const story = new Story().handshake();
  // As Linux sends again: after 0.2 s, and twice as long each time.
  for (let pauseS = 1; pauseS <= 64; pauseS *= 2) {
    story.tcp({ from: 'c', flags: 'PA', seq: 101, ack: 501, data: 10 }).wait(pauseS);
  }
  assert.deepEqual(story.told, ['0 opened', '60 timeout']);
  story.tcp({ from: 's', flags: 'A', seq: 501, ack: 106 }).wait(59);
  assert.equal(story.told.length, 2, 'half of it has arrived');
  story.wait(2);
  assert.equal(story.told[2], '187 timeout');
});

test('one side is done and the other not', () => {
  const story = new Story()
    .handshake()
    .tcp({ from: 'c', flags: 'FA', seq: 101, ack: 501 }, { from: 's', flags: 'A', seq: 501, ack: 102 });
  for (let i = 0; i < 100; i += 1)
    story
      .wait(1)
      .tcp({ from: 's', flags: 'PA', seq: 501 + i * 5, ack: 102, data: 5 })
      .tcp({ from: 'c', flags: 'A', seq: 102, ack: 506 + i * 5 });
  assert.deepEqual(story.told, ['0 opened', '60 halfClosed']);
});

test('a long connection is told again, with a number', () => {
  const story = new Story({ updateUs: 10e6 }).handshake().wait(25);
  assert.deepEqual(story.told, ['0 opened', '10 update', '20 update']);
  assert.equal(story.table.flows.updates[0], 2);
});

test('the same tuple again is a new connection', () => {
  const story = new Story().handshake().tcp({ from: 'c', flags: 'R', seq: 101 });
  story.tcp({ from: 'c', flags: 'S', seq: 9000 });
  assert.deepEqual(story.told, ['0 opened', '0 reset', '0 (reused)']);
  assert.deepEqual([story.table.count, story.table.begun], [1, 2]);
});

test('sent again, late, keep-alive and zero windows are told apart', () => {
  const story = new Story().handshake();
  const data = (seq: number, length = 100) =>
    ({ from: 'c', flags: 'PA', seq, ack: 501, data: length }) as const;
  story.tcp(data(101), data(301), data(201), data(101));
  story.tcp(
    { from: 's', flags: 'A', seq: 501, ack: 401, window: 0 },
    { from: 's', flags: 'A', seq: 501, ack: 401, window: 0 },
  );
  story.tcp({ ...data(400, 1) }, { from: 's', flags: 'A', seq: 501, ack: 401, window: 9 });
  const { outOfOrder, retransmitted, zeroWindows } = story.table.flows;
  assert.deepEqual([outOfOrder[0], retransmitted[0], zeroWindows[1]], [1, 1, 1]);
});

test('sequence numbers go round', () => {
  const story = new Story().tcp(
    { from: 'c', flags: 'S', seq: 0xfffffff0 },
    { from: 's', flags: 'SA', seq: 0xffffffff, ack: 0xfffffff1 },
    { from: 'c', flags: 'PA', seq: 0xfffffff1, ack: 0, data: 100 },
    { from: 's', flags: 'A', seq: 0, ack: 0x55 },
  );
  const { flows } = story.table;
  assert.deepEqual([flows.retransmitted[0], flows.outstanding(0, CLIENT)], [0, 0]);
});

test('the same packet on a second interface is counted apart; after silence there the flow moves', () => {
  const story = new Story();
  const syn = tcpPacket({ from: 'c', flags: 'S', seq: 1 });
  assert.deepEqual([story.packet(syn, 1), story.packet(syn, 2)], [0, -1]);
  story.wait(2);
  assert.deepEqual([story.packet(syn, 2), story.packet(syn, 1)], [0, -1]);
  assert.deepEqual([story.table.booked, story.table.ignored['otherInterface']], [2, 2]);
});

test('a full table forgets the flow that has been idle longest', () => {
  const story = new Story({ flowsMax: 3 });
  for (const clientPort of [1, 2, 3]) story.tcp({ from: 'c', flags: 'S', clientPort });
  story.tcp({ from: 'c', flags: 'S', clientPort: 1 }, { from: 'c', flags: 'S', clientPort: 4 });
  assert.deepEqual([story.told, story.table.count], [['0 (evicted)'], 3]);
  story.tcp({ from: 's', flags: 'SA', clientPort: 1 }, { from: 's', flags: 'SA', clientPort: 3 });
  assert.equal(story.table.begun, 4, 'port 2 was the one');
});

test('a connection begun in the middle is opened, once', () => {
  const story = new Story().tcp(
    { from: 's', flags: 'PA', seq: 5, data: 5 },
    { from: 'c', flags: 'A', ack: 10 },
  );
  assert.deepEqual([story.told, stateOf(story.table.flows, 0)], [['0 opened'], 'OTH']);
});

test('a RST after both FINs does not make a clean close a reset', () => {
  const story = new Story().handshake();
  story.tcp({ from: 'c', flags: 'FA', seq: 101, ack: 501 }, { from: 's', flags: 'FA', seq: 501, ack: 102 });
  story.tcp({ from: 'c', flags: 'R', seq: 102 });
  assert.deepEqual([story.told, stateOf(story.table.flows, 0)], [['0 opened', '0 closed'], 'SF']);
});

test('a client that was refused and tries again with the same number is refused again', () => {
  const story = new Story();
  for (let i = 0; i < 2; i += 1)
    story.tcp({ from: 'c', flags: 'S', seq: 1 }, { from: 's', flags: 'RA', ack: 2 });
  assert.deepEqual(story.told, ['0 refused', '0 (reused)', '0 refused']);
});

test('who speaks to a group is the client, whatever its port', () => {
  const story = new Story();
  const packet = newPacket();
  setEnds(packet, false, 9999);
  Object.assign(packet, { protocol: 17, srcPort: 5353, dst3: 0xe00000fb });
  story.packet(packet);
  assert.deepEqual([story.table.flows.ports[0], story.table.flows.addresses[3]], [5353, 0x0a000001]);
  Object.assign(packet, { dst3: 0x0a000009 });
  story.packet(packet);
  assert.equal(story.table.flows.ports[2], 9999, 'and not elsewhere');
});
