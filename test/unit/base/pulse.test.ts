// Whether threads live, by numbers that grow: values in, names out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pulse } from '../../../base/pulse.ts';

test('a number that grows lives; one that stands still for too long does not', () => {
  const pulse = new Pulse(3000);
  const look = (one: number, two: number, nowMs: number) =>
    pulse.look(
      [
        { name: 'one', beats: one },
        { name: 'two', beats: two },
      ],
      nowMs,
    );
  assert.deepEqual(look(0, 0, 0), []);
  assert.deepEqual(look(1, 0, 2999), []);
  assert.deepEqual(look(1, 0, 3000), ['two']);
  assert.deepEqual(look(1, 0, 5999), ['one', 'two']);
  // It comes back to life.
  assert.deepEqual(look(2, 1, 6000), []);
  assert.deepEqual(look(2, 1, 8999), []);
});

test('a thread that begins anew is a new one', () => {
  const pulse = new Pulse(3000);
  assert.deepEqual(pulse.look([{ name: 'tls', beats: 5 }], 0), []);
  assert.deepEqual(pulse.look([], 2000), []);
  assert.deepEqual(pulse.look([{ name: 'tls', beats: 5 }], 4000), []);
  assert.deepEqual(pulse.look([{ name: 'tls', beats: 5 }], 7000), ['tls']);
});
