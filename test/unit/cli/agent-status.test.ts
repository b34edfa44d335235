// What a person reads of an agent, and the lines at the foot of a terminal.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { printAgentStatus } from '../../../cli/agent-status.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import type { Io } from '../../../cli/io.ts';
import { LiveView } from '../../../cli/live-view.ts';
import type { AgentInputStatus, DestinationStatus } from '../../../client/status.ts';
import { AgentWorld, records } from '../client/agent-parts.ts';
import { runCommand } from './run-command.ts';

async function sample(t: TestContext) {
  const world = new AgentWorld(t);
  world.doors.shut.add('fwdRule1');
  const agent = await world.open(
    world.config([world.file('log'), world.devlog('dev')], [world.destination('fwdRule1')]),
  );
  world.doors.input('log', 'fwdRule1').feed(records(0, 3));
  return { world, agent, status: agent.status() };
}

test('a person reads what is delivered, what waits and why', async (t) => {
  const { status } = await sample(t);
  const text = printAgentStatus(status);
  assert.match(text, /^Belfry agent 0\.0\.0, process \d+, has been running for .* as web1\.\n/);
  assert.match(
    text,
    /\nfwdRule1: not delivering: connection refused by 192\.0\.2\.1:2514, next try in 12 s, 3 messages \(\d+ B\) waiting, oldest .*\n {2}Start it\.\n/,
  );
  assert.match(text, /\n {2}To relp:\/\/192\.0\.2\.1:2514\. Took in 3 messages .*; delivered 0 \(0 B\)\.\n/);
  assert.match(
    text,
    /\n {2}Queue: .* of 1 MiB in 1 segment, when full: block\. \/.*\n {2}Nothing was lost\.\n/,
  );
  assert.match(text, /\ninput +type +messages +bytes +lost +position +lag\n/);
  assert.match(text, /\nlog +file +3 /);
  assert.doesNotMatch(text, /INPUT|TAKES NOTHING|not ours|was cut|undefined|null/);
});

test('what needs an operator stands out', async (t) => {
  const { status } = await sample(t);
  const [input] = status.inputs;
  const [first] = status.destinations;
  assert.ok(input && first);
  const odd: AgentInputStatus = {
    ...input,
    dropped: { busy: 7, cut: 0 },
    lag: { bytes: 2048, seconds: 130 },
    isHeld: true,
    trouble: 'Permission denied.\u001b[2J',
  };
  const bad: DestinationStatus = {
    ...first,
    dropped: { oldest: 4, live_disk_full: 1 },
    passedOver: 9,
    transport: { ...first.transport, resentRecords: 12 },
    queue: {
      ...first.queue,
      trouble: 'the disk is full',
      foreignFiles: 1,
      tornBytes: 10,
      abandonedRecords: 2,
    },
  };
  const text = printAgentStatus({
    ...status,
    inputs: [
      odd,
      {
        ...odd,
        destination: 'other',
        trouble: undefined,
        isDone: true,
        noted: { cut: 3, not_understood: 0 },
      },
    ],
    destinations: [bad, { ...first, name: 'other' }],
    config: { ...status.config, failedReloads: 1 },
  });
  assert.match(text, /7 busy +somewhere +2 KiB, 2 min behind, HELD: the queue is full\n/);
  assert.match(text, /input +type +for +messages/, 'with several destinations it is told for whom');
  assert.match(text, /\nINPUT log for fwdRule1: Permission denied\.\?\[2J\n/);
  assert.match(text, /at its end\n/);
  assert.match(text, /\nInput log for other: given on, but 3 cut\.\n/);
  assert.match(text, /\n {2}THE QUEUE TAKES NOTHING: the disk is full\.\n/);
  assert.match(text, /\n {2}Lost: 4 oldest, 1 live disk full\.\n/);
  assert.match(text, /; passed over 9 by select and program; delivered/);
  assert.match(text, /Sent again after a broken connection, so perhaps there twice: 12\./);
  assert.match(text, /1 file in the queue are not ours|not ours/);
  assert.match(text, /10 B without a whole record/);
  assert.match(text, /2 records waited for a destination that is gone/);
  assert.match(text, /; 1 reload failed since\./);
});

test('belfry status asks an agent as it asks a server', async (t) => {
  const { world, agent } = await sample(t);
  const socket = `${world.folder}/agent.sock`;
  const plain = await runCommand(statusCommand, ['--socket', socket]);
  assert.equal(plain.code, 0);
  assert.match(plain.stdout, /^Belfry agent 0\.0\.0/);
  const json = JSON.parse((await runCommand(statusCommand, ['--socket', socket, '--json'])).stdout) as object;
  assert.deepEqual(Object.keys(json), Object.keys(agent.status()));
});

test('with nobody named, the server is asked, then the agent', async (t) => {
  if (existsSync('/run/belfry') || existsSync('/etc/belfry')) return t.skip('a Belfry is installed here');
  const { code, stderr } = await runCommand(statusCommand, []);
  assert.equal(code, 1);
  assert.match(stderr, /where {2}\/run\/belfry\/server\.sock, \/run\/belfry\/agent\.sock\n/);
});

function screen(isTerminal: boolean) {
  let text = '';
  const io = { stderrIsTerminal: isTerminal, columns: 20, stderr: (more: string) => void (text += more) };
  return { view: new LiveView(io as unknown as Io), text: () => text };
}

test('lines are drawn in place, and the log goes by above them', () => {
  const { view, text } = screen(true);
  view.draw(['one', 'a line that is longer than the terminal']);
  view.write('logged\n');
  view.draw(['two\u001b[2J']);
  view.clear();
  view.write('the end\n');
  assert.equal(
    text(),
    'one\na line that is long\n\r\u001b[2A\u001b[Jlogged\none\na line that is long\n\r\u001b[2A\u001b[Jtwo?[2J\nthe end\n',
  );
  assert.equal(view.isOn, true);
});

test('in a pipe there is the log alone', () => {
  const { view, text } = screen(false);
  assert.equal(view.isOn, false);
  view.write('logged\n');
  assert.equal(text(), 'logged\n');
});
