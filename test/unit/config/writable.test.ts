// Whether the log files could be written, looked at without writing. What depends on not being root runs as
// another user in a process of its own.

import assert from 'node:assert/strict';
import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { load, makeFiles } from './marked.ts';

/** nobody, on every Linux. */
const NOBODY = 65534;

function faultsOf(folder: string): string[] {
  return load(join(folder, 'server.json'), true).faults.map(
    ({ code, text }) => `${code} ${text.place?.key} ${text.what}`,
  );
}

function useRules(t: TestContext, ...rules: string[]): string {
  const folder = makeFiles(t, {
    'server.json': `{ "files": { "root": "log" }, "rules": [${rules.join(', ')}] }`,
  });
  return folder;
}

test('directories that do not exist yet are no fault, and none is made', (t) => {
  const folder = useRules(t, '{ "file": "a/b/{host}/x.log" }');
  assert.deepEqual(faultsOf(folder), []);
  assert.equal(existsSync(join(folder, 'log')), false);
});

test('a directory in the place of a file', (t) => {
  const folder = useRules(t, '{ "file": "a.log" }', '{ "file": "b.log" }');
  mkdirSync(join(folder, 'log/b.log'), { recursive: true });
  assert.deepEqual(faultsOf(folder), [
    `CONFIG_FILE_NOT_WRITABLE rules[1].file ${folder}/log/b.log is a directory, not a file.`,
  ]);
});

test('a file in the place of a directory, told once for all rules', (t) => {
  const folder = useRules(
    t,
    '{ "file": "sub/a.log" }',
    '{ "file": "sub/{host}.log" }',
    '{ "file": "sub/x/y.log" }',
  );
  mkdirSync(join(folder, 'log'));
  writeFileSync(join(folder, 'log/sub'), '');
  const what = `${folder}/log/sub is a file, so nothing can be made below it. The same holds for 2 more rules.`;
  assert.deepEqual(faultsOf(folder), [`CONFIG_FILE_NOT_WRITABLE rules[0].file ${what}`]);
});

test('a device is a file that can be written', (t) => {
  assert.deepEqual(faultsOf(useRules(t, '{ "file": "/dev/null" }')), []);
});

test('the file systems of the kernel take no files, whatever root may do elsewhere', (t) => {
  const faults = faultsOf(useRules(t, '{ "file": "/proc/no/such.log" }'));
  assert.equal(faults.length, 1);
  assert.match(
    faults[0] ?? '',
    /CONFIG_FILE_NOT_WRITABLE rules\[0\]\.file .*\/proc (belongs to the kernel|cannot be written)/,
  );
});

test('a loop of links cannot be reached', (t) => {
  const folder = useRules(t, '{ "file": "loop/a.log" }');
  mkdirSync(join(folder, 'log'));
  symlinkSync('loop', join(folder, 'log/loop'));
  assert.match(faultsOf(folder)[0] ?? '', /CONFIG_FILE_NOT_WRITABLE .* cannot be reached \(ELOOP\)/);
});

test('the check can leave the disk out', (t) => {
  const folder = useRules(t, '{ "file": "b.log" }');
  mkdirSync(join(folder, 'log/b.log'), { recursive: true });
  assert.deepEqual(load(join(folder, 'server.json'), false).faults, []);
});

/** The faults as user nobody sees them, or undefined where this cannot be tried. */
function faultsAsNobody(t: TestContext, folder: string): string[] | undefined {
  if (process.getuid?.() !== 0) {
    t.skip('needs root, to become another user');
    return undefined;
  }
  chmodSync(folder, 0o755);
  const program = join(import.meta.dirname, 'marked.js');
  const code = `
    const { load } = await import(process.argv[1]);
    const lines = load(process.argv[2], true).faults.map(({ code, text }) => [code, text.place?.key, text.what].join(' '));
    process.stdout.write(JSON.stringify(lines));`;
  const options: ExecFileSyncOptionsWithStringEncoding = {
    uid: NOBODY,
    gid: NOBODY,
    encoding: 'utf8',
    stdio: 'pipe',
  };
  try {
    execFileSync('/bin/sh', ['-c', 'test -r "$0"', program], options);
  } catch {
    t.skip(`user ${NOBODY} may not read ${import.meta.dirname}`);
    return undefined;
  }
  return JSON.parse(
    execFileSync(
      process.execPath,
      ['--input-type=module', '-e', code, program, join(folder, 'server.json')],
      options,
    ),
  ) as string[];
}

test('a directory of another user', (t) => {
  const folder = useRules(t, '{ "file": "a.log" }', '{ "file": "{host}.log" }');
  mkdirSync(join(folder, 'log'), { mode: 0o755 });
  const faults = faultsAsNobody(t, folder);
  if (faults === undefined) return;
  assert.equal(faults.length, 1);
  assert.match(
    faults[0] ?? '',
    /^CONFIG_FILE_NOT_WRITABLE rules\[0\]\.file The directory .*\/log cannot be written by user .*65534.*: it belongs to root:root with mode 0755\. The same holds for 1 more rule\.$/,
  );
  assert.deepEqual(readdirSync(join(folder, 'log')), []);
});

test('a file of another user, in a directory that is open', (t) => {
  const folder = useRules(
    t,
    '{ "file": "a.log" }',
    '{ "file": { "path": "b.log", "rotate": {} } }',
    '{ "file": "c.log" }',
  );
  mkdirSync(join(folder, 'log'));
  chmodSync(join(folder, 'log'), 0o777);
  writeFileSync(join(folder, 'log/a.log'), '', { mode: 0o644 });
  const faults = faultsAsNobody(t, folder);
  if (faults === undefined) return;
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /rules\[0\]\.file The file .*\/a\.log cannot be written/);
});

test('a file that may be written needs no right in its directory, unless it rotates', (t) => {
  const folder = useRules(t, '{ "file": "a.log" }', '{ "file": { "path": "b.log", "rotate": {} } }');
  mkdirSync(join(folder, 'log'), { mode: 0o755 });
  for (const name of ['a.log', 'b.log']) {
    writeFileSync(join(folder, 'log', name), '');
    chmodSync(join(folder, 'log', name), 0o666);
  }
  const faults = faultsAsNobody(t, folder);
  if (faults === undefined) return;
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /rules\[1\]\.file The directory .*\/log cannot be written/);
});

test('a directory that lets nobody through', (t) => {
  const folder = useRules(t, '{ "file": "deep/a.log" }');
  mkdirSync(join(folder, 'log/deep'), { recursive: true });
  chmodSync(join(folder, 'log'), 0o700);
  const faults = faultsAsNobody(t, folder);
  if (faults === undefined) return;
  assert.match(faults[0] ?? '', /\/log\/deep\/a\.log cannot be reached by user .*65534/);
});

test('files cannot be given to another user without the right', (t) => {
  const folder = makeFiles(t, {
    'server.json': `{
      "files": { "root": "/tmp", "owner": "root", "group": ${NOBODY} },
      "rules": [{ "file": { "path": "belfry-{host}.log", "owner": ${NOBODY}, "group": "root" } }]
    }`,
  });
  const faults = faultsAsNobody(t, folder);
  if (faults === undefined) return;
  assert.deepEqual(
    faults.map((fault) => fault.split(' ').slice(0, 2).join(' ')),
    ['CONFIG_FILE_NOT_WRITABLE files.owner', 'CONFIG_FILE_NOT_WRITABLE rules[0].file.group'],
  );
});

test('a configuration that may not be read', (t) => {
  const folder = useRules(t, '{ "file": "a.log" }');
  chmodSync(join(folder, 'server.json'), 0o600);
  const faults = faultsAsNobody(t, folder);
  if (faults === undefined) return;
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /^CONFIG_NOT_READABLE .*EACCES/);
});
