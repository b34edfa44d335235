// The way of a message through a lane: taken whole or not at all, and everything that does not reach a file is
// counted by its reason.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LaneCount } from '../../../daemon/intake/counts.ts';
import { ROW } from '../../../daemon/intake/senders.ts';
import { line, linesIn, peerAt, PipelineLane } from './lane-parts.ts';
import { config, type RuleWish, target, useFolder } from './samples.ts';

const PEER = peerAt('192.0.2.7');
const wire = (text: string) => `<13>${line(text)}`;

function useLane(t: TestContext, rules: (root: string) => readonly RuleWish[]) {
  const root = useFolder(t);
  const lane = new PipelineLane(config(root, rules(root)));
  t.after(() => lane.pipeline.files.reopen());
  let nowMs = Date.now();
  /** Past the pause of a file in trouble. */
  const flushLater = () => {
    nowMs += 2000;
    lane.pipeline.setTime(nowMs);
    lane.pipeline.flush();
  };
  const counted = (...names: LaneCount[]) => names.map((name) => lane.counts.lane(name));
  return { root, lane, flushLater, counted };
}

test('what came is counted, and where it went', (t) => {
  const { root, lane, flushLater, counted } = useLane(t, (folder) => [
    { match: { program: ['noisy'] }, discard: true },
    { match: { program: ['app'] }, file: target('{host}.log', folder) },
  ]);
  const dropped = [
    wire('one'),
    wire('two').replace(' app', ' noisy'),
    wire('three').replace(' app', ' nobody'),
  ];
  for (const message of dropped) lane.takeOrDrop(message, PEER);
  assert.ok(lane.takeOrHold(wire('four'), PEER));
  flushLater();
  assert.deepEqual(linesIn(join(root, 'web1.log')), [line('one'), line('four')]);
  assert.deepEqual(counted('lines', 'discarded', 'unrouted'), [2, 1, 1]);
  assert.equal(lane.counts.listener(0, 'messages'), 4);
  assert.equal(lane.counts.listener(0, 'bytes'), [...dropped, wire('four')].join('').length);
});

test('what is not understood is kept, and counted by its reason', (t) => {
  const { root, lane, flushLater } = useLane(t, (folder) => [{ file: target('all.log', folder) }]);
  for (const text of ['', '<999>x', 'plain']) lane.takeOrDrop(text, PEER);
  flushLater();
  assert.equal(linesIn(join(root, 'all.log')).length, 3);
  assert.deepEqual([lane.counts.trouble('empty'), lane.counts.trouble('bad_pri')], [1, 1]);
  const row = lane.rows.find('192.0.2.7', '192.0.2.7', Date.now());
  assert.equal(lane.rows.rows[row + ROW.messages], 3);
  assert.ok((lane.rows.rows[row + ROW.unparsed] ?? 0) >= 2);
});

test('one message is one line, whatever it holds', (t) => {
  const { root, lane, flushLater } = useLane(t, (folder) => [{ file: target('all.log', folder) }]);
  const texts = ['a\nb', 'a\r\nb\0c', '\u001b[2J', 'x\n<13>Nov 20 12:34:15 forged app: y', '\n\n'];
  for (const text of texts) lane.takeOrDrop(wire(text), PEER);
  flushLater();
  const written = linesIn(join(root, 'all.log'));
  assert.equal(written.length, texts.length);
  assert.equal(written[0], line('a#012b'));
  // oxlint-disable-next-line no-control-regex -- that is what must not be there
  assert.ok(written.every((one) => !/[\u0000-\u001f\u007f]/.test(one)));
});

test('of two files one of which is in trouble neither is written, until both can be', (t) => {
  const { root, lane, flushLater } = useLane(t, (folder) => [
    { file: target('good.log', folder) },
    { file: target('bad.log', folder) },
  ]);
  mkdirSync(join(root, 'bad.log'));
  const taken: string[] = [];
  let number = 0;
  const offer = () => lane.takeOrHold(wire(`${number}`), PEER);
  while (offer()) {
    taken.push(line(`${number}`));
    number += 1;
    if (number % 10 === 0) flushLater();
    assert.ok(number < 10_000, 'it is refused one day');
  }
  for (let again = 0; again < 5; again += 1) {
    flushLater();
    assert.equal(offer(), false);
  }
  assert.deepEqual(linesIn(join(root, 'good.log')), taken, 'the refused one is not there');
  rmSync(join(root, 'bad.log'), { recursive: true });
  flushLater();
  assert.ok(offer());
  taken.push(line(`${number}`));
  flushLater();
  for (const name of ['good.log', 'bad.log']) assert.deepEqual(linesIn(join(root, name)), taken, name);
});

test('a sender that cannot be made to wait loses what has no room, counted by its reason', (t) => {
  const { root, lane, flushLater, counted } = useLane(t, (folder) => [{ file: target('bad.log', folder) }]);
  mkdirSync(join(root, 'bad.log'));
  const sent = 500;
  for (let number = 0; number < sent; number += 1) {
    lane.takeOrDrop(wire(`${number}`), PEER);
    if (number === 10) flushLater();
  }
  rmSync(join(root, 'bad.log'), { recursive: true });
  flushLater();
  const [lines = 0, dropped = 0] = counted('lines', 'dropped:not_a_file');
  assert.ok(dropped > 0);
  assert.equal(lines + dropped, sent);
  assert.equal(linesIn(join(root, 'bad.log')).length, lines);
});

test('room that was made for a refused message goes back: many files cannot use it up', (t) => {
  const { root, lane, flushLater } = useLane(t, (folder) => [
    { file: target('{host}.log', folder) },
    { file: target('bad.log', folder) },
  ]);
  mkdirSync(join(root, 'bad.log'));
  let number = 0;
  while (lane.takeOrHold(wire(`${number}`), PEER)) {
    number += 1;
    if (number % 10 === 0) flushLater();
  }
  for (let at = 0; at < 5000; at += 1) {
    assert.equal(lane.takeOrHold(wire('x').replace('web1', `host-${at}`), PEER), false);
  }
  rmSync(join(root, 'bad.log'), { recursive: true });
  flushLater();
  for (let at = 5000; at < 5100; at += 1) {
    assert.ok(lane.takeOrHold(wire('x').replace('web1', `host-${at}`), PEER));
  }
});

test('new rules count from the next message on; lines that were taken keep their files', (t) => {
  const { root, lane, flushLater } = useLane(t, (folder) => [{ file: target('old.log', folder) }]);
  lane.takeOrDrop(wire('one'), PEER);
  lane.pipeline.configure(config(root, [{ file: target('new.log', root) }]));
  lane.takeOrDrop(wire('two'), PEER);
  flushLater();
  assert.deepEqual(linesIn(join(root, 'old.log')), [line('one')]);
  assert.deepEqual(linesIn(join(root, 'new.log')), [line('two')]);
});

test('files of a date that is over are let go', (t) => {
  const { root, lane } = useLane(t, (folder) => [{ file: target('{date}-{hour}.log', folder) }]);
  const at = (hour: number) => new Date(2026, 10, 20, hour, 59, 59).getTime();
  for (const hour of [1, 2, 3]) {
    lane.pipeline.setTime(at(hour));
    lane.takeOrDrop(wire(`${hour}`), PEER);
    lane.pipeline.flush();
    lane.pipeline.files.reopen();
  }
  assert.ok(lane.pipeline.files.knownCount <= 2);
  assert.deepEqual(linesIn(join(root, '2026-11-20-02.log')), [line('2')]);
});
