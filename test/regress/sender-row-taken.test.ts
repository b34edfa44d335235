// The table of senders gives the row of a silent sender to a newcomer. The routing decision of the old one
// still named the row: when it spoke again, its messages were counted for the newcomer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SENDERS_MAX } from '../../daemon/intake/senders.ts';
import { SenderView } from '../../daemon/sender-view.ts';
import { peerAt, PipelineLane } from '../unit/daemon/lane-parts.ts';
import { config, KeptLog } from '../unit/daemon/samples.ts';

test('a sender whose row was given away is counted as itself when it speaks again', () => {
  const lane = new PipelineLane(config('/nowhere', [{ discard: true }]));
  const peer = peerAt('192.0.2.7');
  const say = (host: string) => lane.takeOrDrop(`<13>Nov 20 12:34:15 ${host} app: x`, peer);
  const view = new SenderView(new KeptLog(), 900_000);
  view.addLane(1, lane.rows.rows.buffer as SharedArrayBuffer);
  let nowMs = Date.UTC(2026, 10, 20, 12);
  lane.pipeline.setTime(nowMs);
  say('old');
  nowMs += 120_000;
  lane.pipeline.setTime(nowMs);
  for (let at = 0; at < SENDERS_MAX + 10; at += 1) say(`new-${at}`);
  say('old');
  say('old');
  for (const named of lane.named) view.named(1, named);
  const listed = view.list(nowMs);
  const wrong = listed.filter(({ host, messages }) => messages !== 1 && host !== 'old');
  assert.deepEqual(wrong, []);
  assert.ok(listed.length <= SENDERS_MAX);
});
