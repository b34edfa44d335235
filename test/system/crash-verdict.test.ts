// The judge of the crash tests, judged: what it calls missing, twice, late and torn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceFrom } from './crash-history.ts';
import { FileSource } from './crash-sources.ts';
import { arrivalsOf, judge, tornLines } from './crash-verdict.ts';
import { makeFolder } from './programs.ts';

test('in order and once', () => {
  const verdict = judge([0, 1, 2, 3], 4);
  assert.deepEqual(verdict, {
    arrived: 4,
    missing: [],
    missingCount: 0,
    twice: 0,
    windows: 0,
    deepest: 0,
    longest: 0,
    late: 0,
    lateOnes: [],
  });
});

test('a window that comes again is neither late nor missing; how far it goes back is told', () => {
  const verdict = judge([0, 1, 2, 3, 1, 2, 3, 4, 4, 5], 6);
  assert.equal(verdict.twice, 4);
  assert.equal(verdict.windows, 2);
  assert.equal(verdict.deepest, 3);
  assert.equal(verdict.longest, 3);
  assert.equal(verdict.late, 0);
});

test('what is missing, also at the end, and what comes behind a later one', () => {
  assert.deepEqual(judge([0, 1, 3], 5).missing, [2, 4]);
  assert.deepEqual(judge([], 2).missing, [0, 1]);
  const verdict = judge([0, 2, 3, 1], 4);
  assert.equal(verdict.missingCount, 0);
  assert.deepEqual(verdict.lateOnes, ['1 behind 3, 3']);
});

test('lines of one source; a torn one is no arrival', () => {
  const text = [
    'Nov 21 04:05:14 host filesource: n=0;',
    'Nov 21 04:05:14 host devsource[12]: n=7;.......',
    'Nov 21 04:05:14 host filesource: n=1;.',
    'Nov 21 04:05:14 host filesource: n=2',
    'Nov 21 04:05:1',
  ].join('\n');
  assert.deepEqual(arrivalsOf(text, 'filesource'), [0, 1]);
  assert.deepEqual(arrivalsOf(text, 'devsource'), [7]);
  assert.equal(tornLines(text).length, 2);
});

test('how far a log was read, in numbers, over rotations', (t) => {
  const folder = makeFolder('source');
  t.after(folder.remove);
  const source = new FileSource(folder.path, chanceFrom(1));
  while (source.next < 20) source.write();
  source.rotate();
  const rotatedAt = source.next;
  while (source.next < rotatedAt + 20) source.write();
  assert.equal(source.numberAt([]), 0);
  const [old, fresh] = source.inodes as [string, string];
  // "n=0;\n" has 5 bytes, "n=1;.\n" 6.
  assert.equal(source.numberAt([{ ino: old, offset: 5 }]), 1);
  assert.equal(source.numberAt([{ ino: old, offset: 10 }]), 1);
  assert.equal(source.numberAt([{ ino: old, offset: 1e9 }]), rotatedAt);
  assert.equal(
    source.numberAt([
      { ino: old, offset: 1e9 },
      { ino: fresh, offset: 1e9 },
    ]),
    source.next,
  );
});
