// `belfry senders`: the table, the question of a script, and JSON.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printSenders, sendersCommand } from '../../../cli/commands/senders.ts';
import { runCommand } from './run-command.ts';
import { SENDERS, useAnswers } from './use-answers.ts';

const NOW_MS = Date.parse('2026-11-20T12:00:05.000Z');

test('a person sees who was heard, how much, how well, and whose clock is off', () => {
  const [titles, first, second, rest] = printSenders(SENDERS, NOW_MS).split('\n');
  assert.match(
    titles ?? '',
    /^host +from +last heard +messages +rate\/s +bytes +not understood +clock off by$/,
  );
  assert.match(
    first ?? '',
    /^web1 +192\.0\.2\.7 +5 s ago +12,345 +12\.5 +1\.9 MiB +<0\.1 % +1 min 31 s behind$/,
  );
  assert.match(
    second ?? '',
    /^db1\?\[2J +2001:db8::1 +1 h 5 s ago, SILENT +3 +0\.0 +300 B +100\.0 % +no time$/,
  );
  assert.equal(rest, '');
});

test('a clock that is off by less than two seconds is not off', () => {
  const near = SENDERS.slice(0, 1).map((sender) => ({ ...sender, skewMs: 1999 }));
  assert.match(printSenders(near, NOW_MS), /none\n$/);
  assert.match(
    printSenders(
      near.map((sender) => ({ ...sender, skewMs: 3_600_000 })),
      NOW_MS,
    ),
    /1 h ahead\n$/,
  );
});

test('nobody yet', () => {
  assert.equal(printSenders([], NOW_MS), 'No host has sent anything yet.\n');
});

test('JSON is all there is, as it is', async (t) => {
  const ran = await runCommand(sendersCommand, ['--socket', await useAnswers(t), '--json']);
  assert.deepEqual([ran.code, JSON.parse(ran.stdout)], [0, SENDERS]);
});

test('a script can ask whether anyone is silent', async (t) => {
  const silent = await runCommand(sendersCommand, ['--socket', await useAnswers(t), '--silent', '--json']);
  assert.deepEqual([silent.code, JSON.parse(silent.stdout)], [0, SENDERS.slice(1)]);
  const none = await useAnswers(t, SENDERS.slice(0, 1));
  assert.equal((await runCommand(sendersCommand, ['--socket', none, '--silent'])).code, 1);
});
