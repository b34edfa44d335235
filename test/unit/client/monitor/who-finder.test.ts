// Whose a socket is, in words: with this process as the one that is found, and everything else of the test's making.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { parseAddress } from '../../../../base/ip.ts';
import { WhoCounters } from '../../../../client/monitor/who/counts.ts';
import { Finder, type FinderParts } from '../../../../client/monitor/who/finder.ts';
import type { Holding, Search } from '../../../../client/monitor/who/holders.ts';
import { readLeader } from '../../../../client/monitor/who/processes.ts';
import type { Found, InetSocket } from '../../../../kernel/inet-diag.ts';

const HERE = parseAddress('10.0.0.1') ?? assert.fail();
const ENDS = { protocol: 6, local: HERE, localPort: 1, remote: HERE, remotePort: 2, interfaceIndex: 0 };
const SOCKET: InetSocket = {
  ...ENDS,
  ...{ state: 1, isV6: false, cookie: 5, uid: 33, inode: 77, cgroupId: 8, isV6Only: false, info: undefined },
};

interface Wish {
  readonly holding?: Holding;
  readonly path?: string;
  readonly now?: Found;
  readonly seesAll?: boolean;
  readonly holds?: boolean;
}

function finderOf({ holding = { kind: 'nobody' }, path, now, seesAll = true, holds = true }: Wish) {
  const counters = new WhoCounters();
  const searches: Search[] = [];
  const parts: FinderParts = {
    diag: { find: () => now ?? { kind: 'socket', socket: SOCKET } },
    holders: {
      find: (_inode, search) => {
        searches.push(search);
        return holding;
      },
      holds: () => holds,
      stillHolds: () => false,
    },
    users: { name: (uid) => (uid === 33 ? 'www-data' : undefined) },
    groups: { pathOf: () => path, processesOf: () => Array.from({ length: 300 }, (_, i) => i + 1) },
    counters,
    seesAll,
  };
  return { finder: new Finder(parts), counters, searches };
}

const SELF: Holding = { kind: 'held', pid: process.pid, isKnown: false };

test('a process that holds it, with the user of the socket', () => {
  const { finder, counters } = finderOf({ holding: SELF });
  const owner = finder.ownerOf(SOCKET, ENDS, 'dear', 5);
  assert.deepEqual([owner.how, owner.pid, owner.uid, owner.user], ['exact', process.pid, 33, 'www-data']);
  assert.match(owner.process ?? '', /^(node|MainThread)/);
  assert.equal(counters.read().foundScan, 1);
  const known = finderOf({ holding: { ...SELF, isKnown: true } });
  assert.equal(known.finder.ownerOf(SOCKET, ENDS, 'dear', 5).how, 'cache');
  assert.equal(known.counters.read().foundKnown, 1);
});

test('a pid that is another process by now is not named', () => {
  const { finder } = finderOf({ holding: SELF, holds: false });
  const nowMs = performance.now();
  assert.equal(finder.byProcess(process.pid, 'exact', SOCKET, nowMs)?.pid, process.pid);
  // Seen to hold it a day before this process began.
  assert.equal(finder.byProcess(process.pid, 'exact', SOCKET, nowMs - 86_400_000), undefined);
  assert.equal(finder.byProcess(0x3fffff, 'exact', SOCKET, nowMs), undefined);
  const gone = finderOf({ holding: { kind: 'held', pid: 0x3fffff, isKnown: true } });
  assert.equal(gone.finder.ownerOf(SOCKET, ENDS, 'dear', 5).how, 'unknown:closed');
});

test('nobody: each reason is the true one', () => {
  const how = (wish: Wish) => finderOf(wish).finder.ownerOf(SOCKET, ENDS, 'dear', 5).how;
  assert.equal(how({}), 'unknown:kernel');
  assert.equal(how({ seesAll: false }), 'unknown:no-permission');
  assert.equal(how({ holding: { kind: 'hidden' } }), 'unknown:no-permission');
  assert.equal(how({ holding: { kind: 'late' } }), 'unknown:busy');
  assert.equal(how({ now: { kind: 'none' } }), 'unknown:closed');
  assert.equal(how({ now: { kind: 'socket', socket: { ...SOCKET, cookie: 6 } } }), 'unknown:closed');
  assert.equal(how({ now: { kind: 'socket', socket: { ...SOCKET, inode: 0 } } }), 'unknown:closed');
});

test('the unit stands in for a process; where the service manager made the socket there is none', () => {
  const by = (path: string, socket = SOCKET) => finderOf({ path }).finder.ownerOf(socket, ENDS, 'dear', 5);
  const nginx = by('/system.slice/nginx.service');
  assert.deepEqual([nginx.how, nginx.unit, nginx.uid], ['cgroup', 'nginx.service', 33]);
  assert.equal(by('/init.scope').how, 'unknown:kernel');
  assert.equal(by('/').how, 'unknown:kernel');
  const orphan = by('/system.slice/nginx.service', { ...SOCKET, inode: 0, uid: 0 });
  assert.deepEqual([orphan.how, orphan.unit, orphan.uid], ['cgroup', 'nginx.service', undefined]);
  assert.deepEqual(by('/', { ...SOCKET, inode: 0 }), { how: 'unknown:closed' });
});

test('with little time no process is searched; the newest of its group come first', () => {
  const cheap = finderOf({ holding: SELF, path: '/system.slice/a.service' });
  assert.equal(cheap.finder.ownerOf(SOCKET, ENDS, 'cheap', 5).how, 'cgroup');
  assert.equal(finderOf({ holding: SELF }).finder.ownerOf(SOCKET, ENDS, 'cheap', 5).how, 'unknown:busy');
  assert.equal(cheap.searches.length, 0);
  cheap.finder.ownerOf(SOCKET, ENDS, 'dear', 5);
  const candidates = cheap.searches[0]?.candidates() ?? [];
  assert.deepEqual([candidates[0], candidates.length], [300, 256]);
  assert.equal(cheap.searches[0]?.isThere(), true);
});

test('a socket that waits', () => {
  const how = (wish: Wish) => finderOf(wish).finder.listenerOf(SOCKET, 5).how;
  assert.equal(how({ holding: SELF }), 'listener');
  assert.equal(how({}), 'unknown:kernel');
  assert.equal(how({ holding: { kind: 'late' } }), 'unknown:busy');
  assert.equal(how({ holding: { kind: 'hidden' }, path: '/system.slice/a.service' }), 'cgroup');
});

test('a thread belongs to its process', () => {
  const threads = readdirSync('/proc/self/task').map(Number);
  assert.ok(threads.length > 1);
  for (const thread of threads) assert.equal(readLeader(thread), process.pid);
});
