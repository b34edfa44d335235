// `belfry explain`: what is shown is what the server would do, and it is shown whole.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Explanation, explainCommand } from '../../../cli/commands/explain.ts';
import { loadServerConfig } from '../../../config/load.ts';
import { compileSelector } from '../../../syslog/selector.ts';
import { peerAt, PipelineLane } from '../daemon/lane-parts.ts';
import { useFolder } from '../daemon/samples.ts';
import { runCommand } from './run-command.ts';

const RULES = [
  { name: 'web', match: { fromHostIp: '172.31.101.79', host: 'web*' }, file: 'web.log' },
  {
    name: 'logins',
    match: { select: 'auth,authpriv.*', contains: ['Accepted', 'Failed'] },
    file: '{host}/auth.log',
  },
  { name: 'noise', match: { program: 'noisy', regex: '^debug' }, discard: true },
  { name: 'again', match: { host: 'web1' }, file: 'web.log', stop: true },
  { name: 'everything', file: '{fromHostIp}/{program}.log' },
];

interface World {
  readonly root: string;
  readonly config: string;
}

function useConfig(t: TestContext, rules: readonly object[] = RULES, format = 'traditional'): World {
  const folder = useFolder(t);
  const root = join(folder, 'out');
  const config = join(folder, 'server.json');
  const syslog = { allow: ['172.16.0.0/12', '127.0.0.1'] };
  writeFileSync(config, JSON.stringify({ syslog, files: { root, format }, rules }, undefined, 2));
  return { root, config };
}

async function explain(world: World, message: string, from = '172.31.101.79'): Promise<Explanation> {
  const ran = await runCommand(explainCommand, ['-c', world.config, '--from', from, '--json', message]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(ran.stdout.split('\n').length, 2);
  return JSON.parse(ran.stdout) as Explanation;
}

const SSHD = '<86>Nov 20 12:34:15 web1 sshd[42]: Accepted publickey';

test('field by field, and rule by rule', async (t) => {
  const world = useConfig(t);
  const { fields, rules, format, trouble, allowed } = await explain(world, SSHD);
  assert.deepEqual([format, trouble, allowed], ['rfc3164', null, true]);
  const { pri, facility, severity, host, program, procid, message } = fields;
  assert.deepEqual(
    { pri, facility, severity, host, program, procid, message },
    {
      pri: 86,
      facility: 'authpriv',
      severity: 'info',
      host: 'web1',
      program: 'sshd',
      procid: '42',
      message: 'Accepted publickey',
    },
  );
  const said = rules.map(({ rule, verdict, file }) => [
    rule,
    verdict,
    file && file.slice(world.root.length + 1),
  ]);
  assert.deepEqual(said, [
    ['web', 'matches', 'web.log'],
    ['logins', 'matches', 'web1/auth.log'],
    ['noise', 'does not match', null],
    ['again', 'matches', 'web.log'],
    ['everything', 'not reached', null],
  ]);
  assert.equal(rules[3]?.alreadyWritten, true);
  assert.equal(rules[0]?.line, 'Nov 20 12:34:15 web1 sshd[42]: Accepted publickey');
  assert.deepEqual(
    rules[2]?.keys.map(({ key, has, holds }) => [key, has, holds]),
    [
      ['program', 'sshd', false],
      ['regex', 'Accepted publickey', false],
    ],
  );
  assert.match(rules[0]?.where ?? '', /server\.json, line \d+$/);
});

test('what is not understood, who is not allowed, what goes nowhere', async (t) => {
  const world = useConfig(t, RULES.slice(0, 3));
  const strange = await explain(world, '<999>what is this', '10.0.0.1');
  assert.equal(strange.allowed, false);
  assert.equal(strange.trouble, 'bad_pri');
  assert.equal(strange.fields['message'], '<999>what is this');
  const ran = await runCommand(explainCommand, [
    '-c',
    world.config,
    '--from',
    '10.0.0.1',
    '<999>what is this',
  ]);
  assert.match(ran.stdout, /NOT in syslog\.allow/);
  assert.match(ran.stdout, /not understood \(bad pri\)/);
  assert.match(ran.stdout, /No rule wants it: it goes nowhere\.\n$/);
  const noisy = await runCommand(explainCommand, [
    '-c',
    world.config,
    '<15>Nov 20 12:34:15 h noisy: debug x',
  ]);
  assert.match(noisy.stdout, /thrown away: no rule below is asked/);
  assert.match(noisy.stdout, /A rule throws it away\.\n$/);
});

test('nothing is written, and nothing in a message commands the terminal', async (t) => {
  const world = useConfig(t);
  const ran = await runCommand(explainCommand, [
    '-c',
    world.config,
    '<13>Nov 20 12:34:15 h\u001b[2J a: x\u202ey\u0007',
  ]);
  assert.ok(!/[\u001b\u202e\u0007]/.test(ran.stdout), JSON.stringify(ran.stdout));
  assert.equal(existsSync(world.root), false);
});

test('without a message it reads one a line', async (t) => {
  const world = useConfig(t);
  const ran = await runCommand(
    explainCommand,
    ['-c', world.config, '--json'],
    `${SSHD}\n\n${SSHD.replace('42', '43')}`,
  );
  const procids = ran.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Explanation).fields['procid']);
  assert.deepEqual(procids, ['42', '43']);
  assert.equal((await runCommand(explainCommand, ['-c', world.config])).code, 1, 'nothing to explain');
});

test('a bad address is a wrong command line, a bad configuration its faults', async (t) => {
  const world = useConfig(t);
  const address = await runCommand(explainCommand, ['-c', world.config, '--from', 'web1', 'x']);
  assert.equal(address.code, 64);
  assert.match(address.stderr, /"web1" is not an IP address/);
  writeFileSync(world.config, '{ "rules": [{ "match": { "hots": "x" }, "file": "{bad}" }] }');
  const config = await runCommand(explainCommand, ['-c', world.config, 'x']);
  assert.equal(config.code, 78);
  assert.match(config.stderr, /hots[^]*\{bad\}/);
});

const MESSAGES = [
  SSHD,
  '<13>1 2026-11-20T12:34:15.003Z web1 app 7 ID47 [a@1 k="v\\"w"] text',
  '<13>1 - - - - - -',
  'no header at all',
  '<13>Nov  5 01:02:03 web1 tab\there: control\u0001\u007f bytes and ünïcode',
  '<13>Nov 20 12:34:15 web1 app:',
  '<13>Nov 20 2026 12:34:15 web1 app: with a year',
];

for (const format of ['traditional', 'iso', 'rfc5424', 'json', 'raw']) {
  test(`the line that is shown is the line that the server writes: ${format}`, async (t) => {
    const world = useConfig(t, [{ file: 'all.log' }], format);
    const { config } = loadServerConfig(world.config, { checkSelector: compileSelector, checkFiles: false });
    assert.ok(config);
    const lane = new PipelineLane(config);
    t.after(() => lane.pipeline.files.reopen());
    // Where a message names no time, the time of receipt differs between the two: it is made equal.
    const timeless = (line: string) =>
      line.replaceAll(/\w{3} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)/g, 'T');
    const shown: string[] = [];
    for (const message of MESSAGES) {
      lane.takeOrDrop(message, peerAt('172.31.101.79', config.syslog));
      shown.push((await explain(world, message)).rules[0]?.line ?? '');
    }
    lane.pipeline.flush();
    const written = readFileSync(join(world.root, 'all.log'), 'utf8').trimEnd().split('\n');
    assert.deepEqual(shown.map(timeless), written.map(timeless));
  });
}
