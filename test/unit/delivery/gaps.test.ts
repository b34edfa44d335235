// Ranges of lost records: each number counts once, and only as long as the cursor has not passed it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gaps } from '../../../delivery/spool/gaps.ts';

test('each number is new once, however ranges overlap', () => {
  const gaps = new Gaps();
  assert.equal(gaps.add(5, 7), 3);
  assert.equal(gaps.add(6, 9), 2);
  assert.equal(gaps.add(1, 2), 2);
  assert.equal(gaps.add(1, 10), 3);
  assert.deepEqual([gaps.count, gaps.last], [10, 10]);
  assert.equal(gaps.add(3, 8), 0);
  assert.equal(gaps.within(9, 20), 2);
});

test('what the cursor has passed is forgotten, within a range as well', () => {
  const gaps = new Gaps();
  gaps.add(1, 3);
  gaps.add(8, 9);
  gaps.forget(2);
  assert.deepEqual([gaps.count, gaps.last], [3, 9]);
  assert.equal(gaps.within(1, 3), 1);
  gaps.forget(9);
  assert.deepEqual([gaps.count, gaps.last], [0, 0]);
});
