// The Debian package as Debian's own inspector sees it, and what it holds: the program and no more.
// Refuses: to fetch lintian, which needs a hundred Perl packages. Where it is installed it is asked.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { makePackage, whyNoPackage } from './booted-hosts.ts';
import { makeFolder } from './programs.ts';

function whyNoLintian(): string | false {
  return spawnSync('lintian', ['--version']).status === 0 ? false : 'lintian is not installed here';
}

test('the Debian package', { skip: whyNoPackage() }, async (t) => {
  const folder = makeFolder('deb');
  t.after(folder.remove);
  const file = makePackage(folder.path, '0.0.1');

  await t.test('holds the program and no more', () => {
    const { stdout } = spawnSync('dpkg-deb', ['--contents', file], { encoding: 'utf8', maxBuffer: 1 << 24 });
    const paths = stdout.split('\n').map((line) => line.split(/\s+/)[5] ?? '');
    assert.ok(paths.includes('./usr/bin/belfry'));
    assert.ok(paths.includes('./usr/lib/systemd/system/belfry-agent.service'));
    const odd = paths.filter((path) => /\/(?:test|bench|benchmarks|\.[^./][^/]*)\//.test(path));
    assert.deepEqual(odd, []);
  });

  await t.test('has no errors by lintian', { skip: whyNoLintian() }, () => {
    const root = process.getuid?.() === 0 ? ['--allow-root'] : [];
    const { stdout } = spawnSync('lintian', [...root, '--fail-on', 'none', file], { encoding: 'utf8' });
    const errors = stdout.split('\n').filter((line) => line.startsWith('E:'));
    assert.deepEqual(errors, []);
    t.diagnostic(`${stdout.split('\n').filter((line) => line.startsWith('W:')).length} warnings`);
  });
});
