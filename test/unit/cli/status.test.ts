// `belfry status` over a real control socket, and what a person reads.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { printStatus, statusCommand } from '../../../cli/commands/status.ts';
import type { ServerStatus } from '../../../daemon/status.ts';
import { sampleStatus } from '../daemon/samples.ts';
import { runCommand } from './run-command.ts';
import { useAnswers } from './use-answers.ts';

const messages = (changes: Partial<ServerStatus['messages']>) =>
  sampleStatus({ messages: { ...sampleStatus().messages, ...changes } });

test('a person reads sentences and a table', () => {
  const text = printStatus(sampleStatus());
  assert.match(text, /^Belfry 0\.1\.0, process 4711, has been running for 1 min 1 s\.\n/);
  assert.match(text, /\nlistener +messages +bytes +connections +oversized +refused +kernel drops\n/);
  assert.match(text, /\nudp:\/\/0\.0\.0\.0:514 +1,234 +96\.5 KiB +1 +2 +7\n/);
  assert.match(
    text,
    /\nReceived 1,234 messages \(96\.5 KiB\), took 1,234 lines for files, wrote 87\.9 KiB\.\n/,
  );
  assert.match(text, /\nLost: 7 kernel\.\n/);
  assert.match(text, /\nKept without being understood: 3 no header\.\n/);
});

test('what did not happen is not told, or told as such', () => {
  const { dropped, unparsed } = sampleStatus().messages;
  const quiet = messages({ dropped: { ...dropped, kernel: 0 }, unparsed: { ...unparsed, no_header: 0 } });
  const text = printStatus(quiet);
  assert.match(text, /\nNothing was lost\.\nEvery message was understood\.\n/);
  assert.doesNotMatch(text, /No rule wanted|Thrown away|CANNOT WRITE|made to wait/);
});

test('what needs an operator stands out', () => {
  const base = messages({ discarded: 5, unrouted: 6 });
  const troubled = [
    { path: '/var/log/a.log', trouble: 'disk_full', error: 'ENOSPC', since: '2026-11-20T12:00:00.000Z' },
  ] as const;
  const text = printStatus({
    ...base,
    files: { ...base.files, troubled },
    connections: { ...base.connections, held: 3 },
    config: { ...base.config, failedReloads: 2 },
  });
  assert.match(
    text,
    /CANNOT WRITE \/var\/log\/a\.log since 2026-11-20T12:00:00\.000Z: disk full \(ENOSPC\)\./,
  );
  assert.match(text, /Senders were made to wait 3 times/);
  assert.match(text, /Thrown away by a rule: 5\./);
  assert.match(text, /No rule wanted 6 messages/);
  assert.match(text, /2 reloads failed since/);
});

test('it asks the socket that is named, and prints JSON where that is asked for', async (t) => {
  const socket = await useAnswers(t);
  const ran = await runCommand(statusCommand, ['--socket', socket, '--json']);
  assert.equal(ran.code, 0);
  assert.deepEqual(JSON.parse(ran.stdout), sampleStatus());
  const plain = await runCommand(statusCommand, ['--socket', socket]);
  assert.equal(plain.stdout, printStatus(sampleStatus()));
});

test('nobody there is exit 1, with the socket and a way out', async (t) => {
  const socket = join(await useAnswers(t), 'absent');
  const ran = await runCommand(statusCommand, ['--socket', socket]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^CONTROL_NOT_REACHED {2}No Belfry answers/);
  assert.ok(ran.stderr.includes(socket));
});
