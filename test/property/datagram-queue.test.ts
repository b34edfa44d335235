// The ring between the receiving thread and the main loop against a plain list: what went in comes out, in
// order and byte for byte, or was counted as dropped for the reason of that moment.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatagramQueue, DatagramWriter } from '../../client/inputs/datagrams/datagram-queue.ts';
import { fc, SEED } from './chance.ts';

const MIB = 1024 ** 2;

type Step =
  | { readonly kind: 'put'; readonly length: number; readonly isCut: boolean }
  | { readonly kind: 'publish' }
  | { readonly kind: 'take'; readonly count: number }
  | { readonly kind: 'hold'; readonly isHeld: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      length: fc.oneof(fc.nat(200), fc.nat(600_000)),
      isCut: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), isHeld: fc.boolean() }) },
);

interface Put {
  readonly number: number;
  readonly length: number;
  readonly isCut: boolean;
}

const bytes = Buffer.alloc(MIB);

/** A datagram that says which it is, as far as it has room for it. */
function fill(number: number, length: number): void {
  bytes.fill(number & 0xff, 0, length);
}

function take(queue: DatagramQueue, put: Put): void {
  assert.ok(queue.next(), `datagram ${put.number} is there`);
  assert.equal(queue.end - queue.start, put.length);
  assert.equal(queue.isCut, put.isCut);
  assert.deepEqual([...queue.who], [put.number, 1, 2, 3]);
  assert.deepEqual([queue.sec, queue.nanos], [1e9 + put.number, put.number % 1e9]);
  fill(put.number, put.length);
  assert.equal(queue.bytes.compare(bytes, 0, put.length, queue.start, queue.end), 0);
  queue.release();
}

function play(steps: readonly Step[]): void {
  const queue = new DatagramQueue(65_536);
  const writer = new DatagramWriter(queue.ring);
  const shown: Put[] = [];
  let hidden: Put[] = [];
  let number = 0;
  let isHeld = false;
  const drops = { busy: 0, queueFull: 0 };
  for (const one of steps) {
    if (one.kind === 'put') {
      number += 1;
      const before = queue.countOf('busy') + queue.countOf('queueFull');
      fill(number, one.length);
      writer.put(bytes, 0, one.length, [number, 1, 2, 3], 1e9 + number, number, one.isCut);
      if (queue.countOf('busy') + queue.countOf('queueFull') > before)
        drops[isHeld ? 'queueFull' : 'busy'] += 1;
      else hidden.push({ number, length: one.length, isCut: one.isCut });
    } else if (one.kind === 'publish') {
      writer.publish();
      shown.push(...hidden);
      hidden = [];
    } else if (one.kind === 'take') {
      for (let i = 0; i < one.count && shown.length > 0; i += 1) take(queue, shown.shift() as Put);
      if (one.count > 0 && shown.length === 0) assert.equal(queue.next(), false);
    } else {
      isHeld = one.isHeld;
      queue.setHeld(isHeld);
    }
  }
  writer.publish();
  for (const put of [...shown, ...hidden]) take(queue, put);
  assert.equal(queue.next(), false);
  assert.equal(queue.waitingBytes, 0);
  assert.equal(queue.countOf('received'), number);
  assert.deepEqual({ busy: queue.countOf('busy'), queueFull: queue.countOf('queueFull') }, drops);
}

test('the ring is a list that is sometimes full', () => {
  const steps = fc.array(step, { maxLength: 300, size: 'max' });
  fc.assert(fc.property(steps, play), { seed: SEED, numRuns: 60 });
});

test('an empty ring takes what fits, and nothing more', () => {
  const queue = new DatagramQueue(65_536);
  const writer = new DatagramWriter(queue.ring);
  const put = () => writer.put(bytes, 0, 65_496, [0, 0, 0, 0], 0, 0, false);
  // 64 KiB each with their header: 64 of them are the 4 MiB.
  for (let i = 0; i < 64; i += 1) put();
  assert.equal(queue.countOf('busy'), 0);
  put();
  assert.equal(queue.countOf('busy'), 1);
});

test('who waits is woken once, and only when something is there', () => {
  const queue = new DatagramQueue(65_536);
  const writer = new DatagramWriter(queue.ring);
  assert.equal(writer.publish(), false);
  assert.equal(queue.arm(), true);
  writer.put(bytes, 0, 10, [0, 0, 0, 0], 0, 0, false);
  assert.equal(writer.publish(), true, 'the reader waited');
  writer.put(bytes, 0, 10, [0, 0, 0, 0], 0, 0, false);
  assert.equal(writer.publish(), false, 'it has been woken already');
  assert.equal(queue.arm(), false, 'something is here already');
});
