// What /proc, /etc/passwd and paths of control groups mean in the operator's words.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  readStat,
  listProcesses,
  readProcess,
  readLeader,
} from '../../../../client/monitor/who/processes.ts';
import { findGroupRoot, Groups, readGroupFile, readGroupPath } from '../../../../client/monitor/who/units.ts';
import { readUsers, Users } from '../../../../client/monitor/who/users.ts';

const ID = '3f4e'.repeat(16);

test('units and containers by the path of a control group', () => {
  const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['/system.slice/nginx.service', 'nginx.service', undefined],
    ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service', undefined],
    ['/user.slice/user-1000.slice/session-3.scope', 'session-3.scope', undefined],
    ['/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service', 'foo.service', undefined],
    ['/system.slice/web\\x2dapi.service/inner', 'web-api.service', undefined],
    [`/system.slice/docker-${ID}.scope`, `docker-${ID}.scope`, ID.slice(0, 12)],
    [`/docker/${ID}`, undefined, ID.slice(0, 12)],
    [
      `/kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope`,
      `cri-containerd-${ID}.scope`,
      ID.slice(0, 12),
    ],
    [`/machine.slice/libpod-${ID}.scope/container`, `libpod-${ID}.scope`, ID.slice(0, 12)],
    ['/machine.slice/machine-web\\x2done.scope', 'machine-web-one.scope', 'web-one'],
    ['/lxc.payload.web', undefined, 'web'],
    ['/machine.slice/systemd-nspawn@web.service/payload', 'systemd-nspawn@web.service', 'web'],
    ['/', undefined, undefined],
    ['/user.slice', undefined, undefined],
    [`/some-${ID.slice(1)}`, undefined, undefined],
  ];
  for (const [path, unit, container] of cases)
    assert.deepEqual(readGroupPath(path), { unit, container }, path);
});

test('the group of a process: v2, or what systemd keeps beside it', () => {
  assert.equal(readGroupFile('0::/system.slice/a.service\n'), '/system.slice/a.service');
  const hybrid = '12:cpu,cpuacct:/x\n1:name=systemd:/system.slice/b.service\n0::/\n';
  assert.equal(readGroupFile(hybrid), '/system.slice/b.service');
  assert.equal(readGroupFile('1:name=systemd:/b:c\n0::/system.slice/a.service\n'), '/system.slice/a.service');
  assert.equal(readGroupFile('1:name=systemd:/b:c\n'), '/b:c');
  assert.equal(readGroupFile(''), '/');
});

test('where control groups are', () => {
  const mounts = [
    '24 1 0:22 / /proc rw - proc proc rw',
    '30 24 0:26 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup rw',
  ].join('\n');
  assert.equal(findGroupRoot(mounts), '/sys/fs/cgroup/unified');
  assert.equal(findGroupRoot('24 1 0:22 / /proc rw - proc proc rw'), undefined);
});

test('the id of a group is its inode; one that appears later is found by another walk', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'belfry-groups-'));
  t.after(() => rmSync(root, { recursive: true }));
  const make = (path: string) => {
    mkdirSync(join(root, path), { recursive: true });
    return statSync(join(root, path)).ino;
  };
  const early = make('system.slice/a.service');
  const groups = new Groups(root);
  assert.equal(groups.pathOf(early, 0), '/system.slice/a.service');
  const late = make('system.slice/b.service');
  assert.equal(groups.pathOf(late, 500), undefined, 'a walk is no more often than once a second');
  assert.equal(groups.pathOf(late, 1500), '/system.slice/b.service');
  assert.equal(groups.pathOf(0, 9000), undefined);
  writeFileSync(join(root, 'system.slice/b.service/cgroup.procs'), '17\n4\n');
  assert.deepEqual(groups.processesOf(late, 9000), [17, 4]);
  assert.deepEqual(groups.processesOf(early, 9000), []);
  rmSync(join(root, 'system.slice/b.service'), { recursive: true });
  assert.equal(groups.pathOf(late, 9999), '/system.slice/b.service', 'a unit that has gone keeps its name');
});

test('users: the first name of a uid, lines that are none, and a file that changes', (t) => {
  const users = readUsers(
    'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nbad:x:ab:0\n:x:7:\n+nis\nalice:x:1000:1000::/:\n',
  );
  assert.deepEqual(
    [...users],
    [
      [0, 'root'],
      [1000, 'alice'],
    ],
  );
  const folder = mkdtempSync(join(tmpdir(), 'belfry-users-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'passwd');
  writeFileSync(path, 'alice:x:1000:1000::/:\n');
  const known = new Users(path);
  assert.equal(known.name(1000, 0), 'alice');
  writeFileSync(path, 'bob:x:1000:1000::/:\n');
  utimesSync(path, 1, 1);
  assert.equal(known.name(1000, 5000), 'alice', 'looked at every ten seconds');
  assert.equal(known.name(1000, 10_000), 'bob');
  rmSync(path);
  assert.equal(known.name(1000, 20_000), 'bob', 'a file that is being replaced');
  assert.equal(known.name(1, 20_000), undefined);
});

test('a process by its line: names with brackets and spaces', () => {
  const line = (name: string) => `17 (${name}) S 1 17 17 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2`;
  assert.deepEqual(readStat(17, line('nginx')), { pid: 17, name: 'nginx', startTicks: 987654 });
  assert.deepEqual(readStat(17, line('a) S 1 (b c')), { pid: 17, name: 'a) S 1 (b c', startTicks: 987654 });
  assert.equal(readStat(17, '17 (cut'), undefined);
  assert.equal(readStat(17, '17 (cut) S 1'), undefined);
});

test('this process is found among the others', () => {
  assert.ok(listProcesses().includes(process.pid));
  assert.equal(readProcess(process.pid)?.pid, process.pid);
  assert.equal(readLeader(process.pid), process.pid);
  assert.equal(readProcess(0x3fffff), undefined);
});
