// Which process holds a socket, asked of this machine: our own sockets have our pid, a socket that is gone has nobody, and
// a search ends when it is told to.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fstatSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Budget } from '../../../../client/monitor/who/budget.ts';
import { Holders, newestFirst, type Search } from '../../../../client/monitor/who/holders.ts';
import { ListenerOwners, sharedOwner } from '../../../../client/monitor/who/listener-owners.ts';
import { Listening } from '../../../../client/monitor/who/listening.ts';
import { wayState } from '../../../../client/monitor/who/ways.ts';
import { WHO_WAYS } from '../../../../client/monitor/who/who.port.ts';
import { parseAddress } from '../../../../base/ip.ts';
import { DescriptorLinks } from '../../../../kernel/descriptor-links.ts';
import type { InetSocket } from '../../../../kernel/inet-diag.ts';
import type { Owner } from '../../../../traffic/events/owner.ts';

async function listen(t: TestContext): Promise<{ server: Server; descriptor: number; inode: number }> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const descriptor = (server as unknown as { _handle: { fd: number } })._handle.fd;
  return { server, descriptor, inode: fstatSync(descriptor).ino };
}

const LATER = (): Search => ({
  candidates: () => [],
  isThere: () => true,
  untilMs: performance.now() + 10_000,
});

test('a link is read as the kernel writes it', async (t) => {
  const { descriptor, inode } = await listen(t);
  const links = new DescriptorLinks();
  links.choose(process.pid);
  assert.equal(readlinkSync(`/proc/self/fd/${descriptor}`), `socket:[${inode}]`);
  assert.equal(links.inode(descriptor), inode);
  assert.equal(links.inode(987_654), 0, 'no such descriptor');
  assert.equal(links.exists(), true);
  assert.equal(links.inode(descriptor), inode, 'the path is whole again');
  links.choose(0x3fffff);
  assert.equal(links.exists(), false);
  assert.equal(links.inode(descriptor), 0);
});

test('our own socket is ours: first by looking through all, then as one that is known', async (t) => {
  const first = await listen(t);
  const second = await listen(t);
  const holders = new Holders();
  assert.deepEqual(holders.find(first.inode, LATER()), { kind: 'held', pid: process.pid, isKnown: false });
  assert.deepEqual(holders.find(second.inode, LATER()), { kind: 'held', pid: process.pid, isKnown: true });
  assert.equal(holders.stillHolds(process.pid, second.inode), true);
  assert.equal(holders.stillHolds(process.pid, first.inode), false, 'that is at another descriptor');
  assert.equal(holders.holds(process.pid, first.inode), true);
});

test('candidates come before all others', async (t) => {
  const { inode } = await listen(t);
  const holding = new Holders().find(inode, { ...LATER(), candidates: () => [1, process.pid] });
  assert.deepEqual(holding, { kind: 'held', pid: process.pid, isKnown: false });
});

test('nobody, gone, and out of time', async (t) => {
  const { server, inode } = await listen(t);
  const holders = new Holders();
  assert.equal(holders.find(inode, { ...LATER(), untilMs: 0 }).kind, 'late');
  assert.equal(holders.find(inode, { ...LATER(), isThere: () => false }).kind, 'gone');
  await new Promise((done) => server.close(done));
  const kind = holders.find(inode, LATER()).kind;
  assert.ok(kind === 'nobody' || kind === 'hidden', kind);
});

test('a sweep finds every process that holds a socket, oldest first', async (t) => {
  const { descriptor, inode } = await listen(t);
  const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
  t.after(() => child.kill());
  await new Promise((done) => child.once('spawn', done));
  const sweep = new Holders().sweep(new Set([inode]));
  let step = sweep.next();
  while (!step.done) step = sweep.next();
  assert.deepEqual(
    step.value.get(inode),
    [process.pid, child.pid].sort((a = 0, b = 0) => a - b),
  );
});

test('the newest processes first, also when pids begin again', () => {
  assert.deepEqual(newestFirst([1, 500, 30_000, 120], 200), [120, 1, 30_000, 500]);
});

function waiting(inode: number, more: Partial<InetSocket> = {}): InetSocket {
  const any = parseAddress('0.0.0.0') ?? assert.fail();
  return {
    ...{ state: 10, protocol: 6, isV6: false, interfaceIndex: 0, uid: 0, inode, cgroupId: 0, cookie: inode },
    ...{ local: any, localPort: 80, remote: any, remotePort: 0, isV6Only: false, info: undefined },
    ...more,
  };
}

test('a socket that several processes hold belongs to the one name that all have', () => {
  const own = process.pid;
  const asked: number[] = [];
  const finder = {
    byProcess: (pid: number): Owner => {
      asked.push(pid);
      return { how: 'listener', process: 'node', pid };
    },
    byGroup: () => undefined,
    listenerOf: (): Owner => ({ how: 'unknown:busy' }),
  };
  const owners = new ListenerOwners(finder, { holds: () => true });
  owners.know(
    new Map([
      [5, [1, own]],
      [6, [process.ppid, own]],
      [7, [1]],
    ]),
  );
  assert.equal(owners.ownerOf([waiting(5)])?.pid, own, 'not the service manager, where another holds it too');
  assert.equal(owners.ownerOf([waiting(7)])?.pid, 1);
  assert.equal(owners.ownerOf([waiting(8)])?.how, 'unknown:busy', 'nobody known: it is searched for');
  assert.equal(owners.ownerOf([]), undefined);
  const looked = asked.length;
  owners.ownerOf([waiting(5)]);
  assert.equal(asked.length, looked, 'kept for a second');
});

test('of several owners, what they have in common', () => {
  const nginx: Owner = { how: 'listener', process: 'nginx', pid: 5, uid: 33, unit: 'nginx.service' };
  assert.deepEqual(sharedOwner(nginx, [{ ...nginx }]), { ...nginx, user: undefined, container: undefined });
  const worker = sharedOwner(nginx, [{ ...nginx, pid: 6 }]);
  assert.deepEqual([worker.how, worker.process, worker.pid], ['listener', 'nginx', undefined]);
  const other = sharedOwner(nginx, [{ ...nginx, process: 'avahi', pid: 6, unit: 'avahi.service' }]);
  assert.deepEqual(
    [other.how, other.process, other.pid, other.unit, other.uid],
    ['unknown:shared', undefined, undefined, undefined, 33],
  );
});

test('which sockets a packet would reach', () => {
  const listening = new Listening();
  const address = (text: string) => parseAddress(text) ?? assert.fail();
  const six = { isV6: true, local: address('::') };
  const all = [
    waiting(1, { localPort: 80 }),
    waiting(2, { localPort: 80, local: address('10.0.0.1') }),
    waiting(3, { localPort: 443, ...six }),
    waiting(4, { localPort: 25, ...six, isV6Only: true }),
  ];
  const dump = (
    protocol: number,
    family: number,
    _states: readonly number[],
    visit: (one: InetSocket) => void,
  ) => {
    if (protocol === 6) for (const one of all) if (one.isV6 === (family === 6)) visit(one);
    if (protocol === 17 && family === 4)
      for (const localPort of [5353, 40_000]) visit(waiting(localPort, { state: 7, localPort }));
    return 'whole' as const;
  };
  const changes = [0, 1].map(() => listening.refresh({ dump }) && listening.takeChanged());
  assert.deepEqual(changes, [true, false], 'the second time nothing has changed');
  const at = (text: string, port: number) => listening.at(6, address(text), port).map(({ inode }) => inode);
  assert.deepEqual(at('10.0.0.1', 80), [2], 'the one that is bound to it');
  assert.deepEqual(at('10.0.0.9', 80), [1]);
  assert.deepEqual(at('::1', 80), []);
  assert.deepEqual(at('10.0.0.1', 443), [3], 'IPv4 through an IPv6 socket');
  assert.deepEqual(at('10.0.0.1', 25), []);
  assert.deepEqual(at('::1', 25), [4]);
  const services = listening.services().map(({ protocol, port }) => `${protocol}/${port}`);
  assert.deepEqual(
    services.sort(),
    ['17/5353', '6/25', '6/443', '6/80', '6/80'],
    'not the port of a UDP client',
  );
  assert.equal(listening.refresh({ dump: () => 'overrun' }), false);
  assert.deepEqual(at('10.0.0.9', 80), [1], 'what was known stays');
  all.pop();
  listening.refresh({ dump });
  listening.refresh({ dump });
  assert.equal(listening.takeChanged(), true, 'whoever looked, the change is told');
});

test('a budget: dear while there is much, then cheap, then nothing, and it fills again', () => {
  const budget = new Budget(0);
  assert.equal(budget.allows(0), 'dear');
  budget.spend(150);
  assert.equal(budget.allows(0), 'cheap');
  budget.spend(100);
  assert.equal(budget.allows(0), 'none');
  assert.equal(budget.allows(200), 'cheap');
  assert.equal(budget.allows(10_000), 'dear');
  budget.spend(250);
  assert.equal(budget.allows(9000), 'none', 'a clock that stands still gives nothing');
});

test('each way says what it gives, or what is missing', () => {
  for (const way of WHO_WAYS) {
    assert.equal(wayState(way, undefined).works, true);
    const { works, sentence } = wayState(way, 'EPERM');
    assert.equal(works, false);
    assert.match(sentence, /^[A-Z].*\.$/);
  }
});
