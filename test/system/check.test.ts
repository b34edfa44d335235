// `belfry check` as an operator runs it: the whole program, its output and its exit code.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeCertificate, makeKeys, pemOfKey } from '../unit/config/make-certificate.ts';
import { BELFRY } from './belfry.ts';
import { makeFolder, startProgram } from './programs.ts';

async function check(args: readonly string[]) {
  const program = startProgram(BELFRY, ['check', ...args]);
  const { code } = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

function write(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = makeFolder('check');
  t.after(folder.remove);
  mkdirSync(join(folder.path, 'conf.d'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
  return folder.path;
}

test('a good configuration is summed up, and nothing is made', async (t) => {
  const folder = write(t, {
    'server.json':
      '{ "files": { "root": "log" }, "include": ["conf.d/*.json"], "rules": [{ "name": "all", "file": "{host}.log" }] }',
    'conf.d/1.json':
      '{ "rules": [{ "name": "one", "match": { "select": "auth.*" }, "file": "/dev/null", "stop": true }] }',
  });
  const { code, stdout, stderr } = await check(['-c', join(folder, 'server.json')]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\/.*\/server\.json is good\.$/m);
  assert.match(stdout, /includes {2}\/.*\/conf\.d\/1\.json$/m);
  assert.match(stdout, /receives {2}udp:\/\/0\.0\.0\.0:514, tcp:\/\/0\.0\.0\.0:514$/m);
  assert.match(
    stdout,
    /1\. one \(select\) → \/dev\/null, stop\n {3}2\. all \(every message\) → \{host\}\.log\n$/,
  );
  assert.equal(existsSync(join(folder, 'log')), false);
});

const BAD = `{
  "syslog": { "allow": ["172.31.96.1/20"] },
  "include": ["conf.d/*.json"],
  "rules": [
    { "match": { "fromHostIP": "10.0.0.1" }, "file": "{hots}.log" },
    { "match": { "regex": "(" }, "file": "/proc/no/such.log" },
    { "file": "all.log", "stop": true },
    { "file": "late.log" }
  ]
}
`;

const BAD_INCLUDED = '{ "rules": [{ "file": 7 }] }';

test('a bad one is refused with all its faults, in the format of the house', async (t) => {
  const folder = write(t, { 'server.json': BAD, 'conf.d/1.json': BAD_INCLUDED });
  const path = join(folder, 'server.json');
  const { code, stdout, stderr } = await check(['-c', path]);
  assert.deepEqual([code, stdout], [78, '']);
  const expected = [
    `CONFIG_BAD_ADDRESS  "172.31.96.1/20" has bits behind the first 20 that are not zero.\n  where  ${path}, line 2, column 25: syslog.allow[0]`,
    `CONFIG_UNKNOWN_KEY  "fromHostIP" is not a key of a rule's match.\n  where  ${path}, line 5, column 18: rules[0].match.fromHostIP`,
    `CONFIG_BAD_TEMPLATE  "{hots}" is not a word of a file path.\n  where  ${path}, line 5, column 54: rules[0].file`,
    `CONFIG_BAD_REGEX  The regular expression "(" does not compile: Unterminated group.\n  where  ${path}, line 6, column 27: rules[1].match.regex`,
    'CONFIG_FILE_NOT_WRITABLE  ',
    `CONFIG_UNREACHABLE_RULE  The rule "rules[3]" can never run`,
    `CONFIG_WRONG_TYPE  "file" must be a file path in quotes or an object, not the number 7.\n  where  ${folder}/conf.d/1.json, line 1, column 23: rules[0].file`,
  ];
  let from = 0;
  for (const text of expected) {
    const at = stderr.indexOf(text, from);
    assert.ok(at >= 0, `${text}\nis missing, or in another place, in\n${stderr}`);
    from = at;
  }
  assert.equal((stderr.match(/^ {2}mend {3}\S/gm) ?? []).length, (stderr.match(/^CONFIG_/gm) ?? []).length);
  assert.match(stderr, /\n\d faults: this configuration cannot be used\.\n$/);
  assert.doesNotMatch(stderr, /\bat .*\.js:\d/);
});

test('the same for programs', async (t) => {
  const folder = write(t, { 'server.json': BAD, 'conf.d/1.json': BAD_INCLUDED });
  const { code, stdout, stderr } = await check(['--json', '-c', join(folder, 'server.json')]);
  assert.deepEqual([code, stderr], [78, '']);
  const report = JSON.parse(stdout) as {
    ok: boolean;
    sources: string[];
    faults: { code: string; place: unknown }[];
  };
  assert.equal(report.ok, false);
  assert.deepEqual(report.sources, [join(folder, 'server.json'), join(folder, 'conf.d/1.json')]);
  assert.deepEqual(report.faults[0]?.place, {
    file: join(folder, 'server.json'),
    line: 2,
    column: 25,
    key: 'syslog.allow[0]',
  });
});

test('a file that is not there', async () => {
  const { code, stderr } = await check(['-c', '/no/such/server.json']);
  assert.equal(code, 78);
  assert.match(stderr, /^CONFIG_NOT_FOUND .*\n {2}where {2}\/no\/such\/server\.json\n {2}mend {3}Copy /);
});

test('a command line that is wrong', async () => {
  const { code, stderr } = await check(['--colour']);
  assert.equal(code, 64);
  assert.match(stderr, /--colour/);
});

const AGENT = `{
  "inputs": [{ "type": "file", "path": "log/*.log" }, { "type": "listen", "listen": "udp://127.0.0.1:5515" }],
  "destinations": [{ "name": "one", "to": "tcp://127.0.0.1", "queue": { "directory": "queue" } }],
  "control": { "socket": "agent.sock" }
}
`;

test('the configuration of an agent is summed up, and what is worth a look is shown', async (t) => {
  const folder = write(t, { 'agent.json': AGENT });
  const path = join(folder, 'agent.json');
  const { code, stdout, stderr } = await check(['-c', path]);
  assert.deepEqual([code, stderr], [0, '']);
  const [good, worth = ''] = stdout.split('\nWorth a look:\n\n');
  assert.deepEqual(good?.split('\n'), [
    `${path} is good.`,
    `  reads     file: ${folder}/log/*.log`,
    '  reads     listen: udp://127.0.0.1:5515 from 127.0.0.0/8, ::1',
    '  sends     one: every message → tcp://127.0.0.1',
    `    queue   up to 1 GiB in ${folder}/queue, then the inputs wait`,
    `  control   ${folder}/agent.sock`,
    '',
  ]);
  assert.match(
    worth,
    /CONFIG_NOTE {2}.*\/log\/\*\.log matches no file at the moment\.\n {2}where .*, line 2, column 40/,
  );
  assert.match(worth, /CONFIG_NOTE {2}"one" goes by plain TCP/);
  assert.equal(worth.match(/^CONFIG_/gm)?.length, 2);
  assert.equal(existsSync(join(folder, 'queue')), false);
});

test('faults of an agent exit with 78, in both forms', async (t) => {
  const folder = write(t, { 'x.json': AGENT.replace('tcp://', 'http://').replace('log/*.log', 'queue/**') });
  const path = join(folder, 'x.json');
  const people = await check(['-c', path]);
  assert.deepEqual([people.code, people.stdout], [78, '']);
  assert.match(people.stderr, /^CONFIG_CONFLICT {2}"queue\/\*\*" can match files of Belfry's own queue/);
  assert.match(
    people.stderr,
    /CONFIG_BAD_ADDRESS {2}"http" is not a transport\.\n {2}where {2}\/.*x\.json, line 3, column 43/,
  );
  assert.match(people.stderr, /\n2 faults: this configuration cannot be used\.\n/);
  const programs = await check(['-c', path, '--json']);
  assert.deepEqual([programs.code, programs.stderr], [78, '']);
  const report = JSON.parse(programs.stdout) as { ok: boolean; kind: string; faults: { code: string }[] };
  assert.deepEqual([report.ok, report.kind, report.faults.length], [false, 'agent', 2]);
});

test('one file for both programs is refused', async (t) => {
  const folder = write(t, { 'x.json': AGENT.replace('{', '{ "rules": [{ "file": "/dev/null" }],') });
  const { code, stderr } = await check(['-c', join(folder, 'x.json')]);
  assert.equal(code, 78);
  assert.match(
    stderr,
    /^CONFIG_CONFLICT {2}"inputs" is a key of the agent \(agent\.json\), not of the server\./,
  );
  assert.match(stderr, /CONFIG_CONFLICT {2}"destinations" is a key of the agent/);
});

test('certificates are looked at', async (t) => {
  const keys = makeKeys();
  const folder = write(t, {
    'server.pem': makeCertificate({ subject: 'logs', keys, from: new Date(0), to: new Date(86_400_000) }),
    'server.key': pemOfKey(makeKeys()),
    'server.json':
      '{ "syslog": { "listen": ["tls://127.0.0.1"], "tls": { "cert": "server.pem", "key": "server.key" } },\n "rules": [{ "file": "/dev/null" }] }',
  });
  chmodSync(join(folder, 'server.key'), 0o600);
  const { code, stderr } = await check(['-c', join(folder, 'server.json')]);
  assert.equal(code, 78);
  assert.match(
    stderr,
    /^CONFIG_BAD_CERTIFICATE {2}The certificate CN=logs in \/.*\/server\.pem ended on 1970-01-02 00:00 UTC\.\n {2}where .*line 1, column 63: syslog\.tls\.cert\n/,
  );
  assert.match(stderr, /CONFIG_BAD_CERTIFICATE {2}The key in .* does not belong to the certificate in /);
  // Once more with a whole pair that ends soon: good, with a warning.
  const until = new Date(Date.now() + 3 * 86_400_000);
  writeFileSync(join(folder, 'server.pem'), makeCertificate({ subject: 'logs', keys, to: until }));
  writeFileSync(join(folder, 'server.key'), pemOfKey(keys));
  const soon = await check(['-c', join(folder, 'server.json')]);
  assert.deepEqual([soon.code, soon.stderr], [0, '']);
  assert.match(soon.stdout, /Worth a look:\n\nCONFIG_NOTE {2}The certificate CN=logs .* ends on .* left\.\n/);
});
