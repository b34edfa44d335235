// When a batch on a TCP connection counts as arrived.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRACE_MS, SentBatches, UNREAD_BYTES_MAX } from '../../../delivery/transport/sent.ts';

test('a batch is done when it was taken and a grace has passed', () => {
  const sent = new SentBatches();
  sent.add(10, 1000);
  sent.add(20, 2000);
  assert.equal(sent.untakenBytes, 2000);
  assert.equal(sent.taken(999, 0), true);
  assert.equal(sent.done(GRACE_MS, GRACE_MS), undefined);
  assert.equal(sent.taken(1000, 50), true);
  assert.equal(sent.taken(1000, 60), false);
  assert.equal(sent.taken(900, 60), false);
  assert.equal(sent.untakenBytes, 1000);
  assert.equal(sent.done(GRACE_MS + 49, GRACE_MS), undefined);
  assert.equal(sent.done(GRACE_MS + 50, GRACE_MS), 10);
  assert.equal(sent.done(GRACE_MS + 50, GRACE_MS), undefined);
  sent.taken(2000, 2000);
  assert.equal(sent.done(2000, GRACE_MS), undefined);
  assert.equal(sent.done(2000, 0), 20);
  assert.ok(sent.isEmpty);
});

test('a batch is done when more has been taken after it than any buffer holds', () => {
  const sent = new SentBatches();
  sent.add(1, 100);
  sent.add(2, 200);
  sent.add(3, 300 + UNREAD_BYTES_MAX);
  sent.taken(100 + UNREAD_BYTES_MAX - 1, 0);
  assert.equal(sent.done(0, GRACE_MS), undefined);
  sent.taken(100 + UNREAD_BYTES_MAX, 0);
  assert.equal(sent.done(0, GRACE_MS), 1);
  sent.taken(300 + UNREAD_BYTES_MAX, 0);
  assert.equal(sent.done(0, GRACE_MS), 2);
  assert.equal(sent.count, 1);
});
