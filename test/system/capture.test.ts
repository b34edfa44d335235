// The capture on real interfaces, in network namespaces where nothing else is: exact numbers on loopback, one count where
// several interfaces see a packet, interfaces that come and go, drops, tags, fragments, both families, filters in the
// kernel, and what is said without the right.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import type { SeenFacts } from '../../client/monitor/capture.port.ts';
import { join2, play, sendDatagrams, watch, watcherPeer, watchWith } from './capture-world.ts';
import { makeNamespace, whyNoNetwork } from './netns.ts';
import { startProgram, waitUntil } from './programs.ts';

const skip = whyNoNetwork();
const rooms: { remove(): void }[] = [];
after(() => {
  for (const room of rooms) room.remove();
});

function makeRoom() {
  const room = makeNamespace();
  rooms.push(room);
  return room;
}

/** Packets and bytes of each direction, by the ports. */
function flowOf(rows: readonly SeenFacts[], clientPort: number): SeenFacts {
  const found = rows.filter((row) => row.clientPort === clientPort);
  assert.equal(found.length, 1, `${found.length} flows from port ${clientPort}`);
  return found[0] as SeenFacts;
}

test('on 127.0.0.1 each packet counts once, to the byte', { skip }, async () => {
  const room = makeRoom();
  for (const interfaces of [['lo'], ['any']]) {
    const watcher = await watch(room, { interfaces });
    sendDatagrams(room, {
      from: '127.0.0.1',
      fromPort: 7001,
      to: '127.0.0.1',
      toPort: 7002,
      count: 1000,
      bytes: 72,
    });
    sendDatagrams(room, { from: '::1', fromPort: 7003, to: '::1', toPort: 7004, count: 300, bytes: 10 });
    play(
      room,
      `const net = require('node:net');
       const server = net.createServer((s) => s.on('data', () => {}).on('end', () => s.end('bye'))).listen(7005, '127.0.0.1', () => {
         net.connect({ port: 7005, host: '127.0.0.1', localPort: 7006 }).end('hello').on('data', () => {}).on('close', () => server.close());
       });
       net.connect(7007, '127.0.0.1').on('error', () => {});`,
    );
    await waitUntil('the end of the connection', () => watcher.events.some(({ turn }) => turn === 'closed'));
    await waitUntil('the refusal', () => watcher.events.some(({ turn }) => turn === 'refused'));
    const rows = await watcher.rowsWith(7003, 300);
    assert.deepEqual(flowOf(rows, 7001).packets, [1000, 0]);
    assert.deepEqual(flowOf(rows, 7001).ipBytes, [100_000, 0]);
    assert.deepEqual(flowOf(rows, 7003).packets, [300, 0]);
    assert.deepEqual(flowOf(rows, 7003).ipBytes, [300 * 58, 0]);
    const tcp = flowOf(rows, 7006);
    assert.deepEqual([tcp.payloadBytes, tcp.state, tcp.by, tcp.dirHow], [[5, 3], 'SF', 'client', 'syn']);
    assert.deepEqual([tcp.isClientOwn, tcp.isServerOwn, tcp.isEndOwn], [true, true, undefined]);
    const counts = await watcher.stop();
    const booked = rows.flatMap(({ packets }) => packets).reduce((sum, number) => sum + number, 0);
    assert.equal(counts.packets, booked);
    assert.deepEqual([counts.dropped, counts.otherInterface, counts.filtered], [0, 0, 0]);
    const record = watcher.records.find((fields) => fields[5] === '7001');
    assert.deepEqual(record?.slice(0, 9), '2 test lo 127.0.0.1 127.0.0.1 7001 7002 17 1000'.split(' '));
    assert.equal(record?.[9], '100000');
  }
});

/** A datagram without a checksum in an Ethernet frame, behind these tags. */
function frameOf(fromPort: number, tags: string): string {
  const hex = (value: number) => value.toString(16).padStart(4, '0');
  const ip = `4500${hex(20 + 8 + 10)}000000004011${'0000'}c6336401c6336402`;
  return `ffffffffffff020000000001${tags}0800${ip}${hex(fromPort)}1b64${hex(18)}0000${'61'.repeat(10)}`;
}

test('tags are passed, one and two, by the filter as well', { skip }, async () => {
  const [one, other] = [makeRoom(), makeRoom()];
  const [near, far] = join2(one, other);
  const watcher = await watch(other, { interfaces: [far], filter: 'udp src port 7011' });
  const path = join(import.meta.dirname, 'frame-sender.js');
  const frames = [
    frameOf(7011, ''),
    frameOf(7011, '81000009'),
    frameOf(7011, '88a80007' + '81000009'),
    frameOf(7013, '81000009'),
  ];
  const sender = one.inside({ path: process.execPath, args: [path, near, ...frames], env: {} });
  await startProgram(sender, []).success();
  await waitUntil('the flow', () => watcher.events.length > 0);
  const rows = await watcher.rowsWith(7011, 3);
  assert.deepEqual(flowOf(rows, 7011).packets, [3, 0]);
  assert.deepEqual(flowOf(rows, 7011).ipBytes, [3 * 38, 0]);
  assert.equal(rows.length, 1);
  await watcher.stop();
});

test('a packet that two interfaces see counts once', { skip }, async () => {
  const [one, router, other] = [makeRoom(), makeRoom(), makeRoom()];
  // alpha 192.0.2.1 - .254 router 203.0.113.254 - .1 beta
  for (const [room, device, block] of [
    [one, 'left0', '192.0.2'],
    [other, 'right0', '203.0.113'],
  ] as const) {
    room.ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', device, 'netns', router.name);
    room.ip('address', 'add', `${block}.1/24`, 'dev', 'eth0');
    room.ip('link', 'set', 'eth0', 'up');
    router.ip('address', 'add', `${block}.254/24`, 'dev', device);
    router.ip('link', 'set', device, 'up');
    room.ip('route', 'add', 'default', 'via', `${block}.254`);
  }
  play(router, `require('node:fs').writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')`);
  for (const interfaces of [['any'], ['left0', 'right0']]) {
    const watcher = await watch(router, { interfaces });
    const wish = { from: '192.0.2.1', fromPort: 7015, to: '203.0.113.1', toPort: 7016 };
    sendDatagrams(one, { ...wish, count: 200, bytes: 100, far: 1 });
    await waitUntil('the flow', () => watcher.events.some(({ clientPort }) => clientPort === 7015));
    const row = flowOf(await watcher.rowsWith(7015, 200), 7015);
    assert.deepEqual([row.packets[0], row.ipBytes[0]], [200, 200 * 128]);
    assert.deepEqual([row.isClientOwn, row.isServerOwn, row.interfaceName], [false, false, 'left0']);
    const counts = await watcher.stop();
    assert.ok(counts.otherInterface >= 200, `${counts.otherInterface} seen twice`);
  }
});

test('fragments of both families count as they are on the wire', { skip }, async () => {
  const [one, other] = [makeRoom(), makeRoom()];
  const [, far] = join2(one, other);
  const watcher = await watch(other, { interfaces: [far] });
  const wish = { fromPort: 7021, toPort: 7022, count: 10, bytes: 4000, far: 1 };
  sendDatagrams(one, { ...wish, from: '198.51.100.1', to: '198.51.100.2' });
  sendDatagrams(one, { ...wish, from: 'fd00:51::1', to: 'fd00:51::2' });
  const addresses = () => new Set(watcher.events.map(({ clientAddress }) => clientAddress));
  await waitUntil('both', () => addresses().has('198.51.100.1') && addresses().has('fd00:51::1'));
  await watcher.rowsWith(7021, 20);
  const rows = (await watcher.rowsWith(0, 40)).filter(({ protocol }) => protocol === 17);
  const sumOf = (address: string) => {
    const own = rows.filter(({ clientAddress }) => clientAddress === address);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    return [sum(own.map(({ packets }) => packets[0])), sum(own.map(({ ipBytes }) => ipBytes[0]))];
  };
  // 4008 bytes in pieces of at most 1480 and 1448, each with its headers.
  assert.deepEqual(sumOf('198.51.100.1'), [30, 10 * (4008 + 3 * 20)]);
  assert.deepEqual(sumOf('fd00:51::1'), [30, 10 * (4008 + 3 * 48)]);
  await watcher.stop();
});

test('an interface may come late, go down, go away, and come back', { skip }, async () => {
  const room = makeRoom();
  const watcher = await watch(room, { interfaces: ['late0'] });
  assert.deepEqual(watcher.states, ['late0 absent']);
  // It may be seen before it is up.
  const seen = (state: string) => waitUntil(state, () => watcher.states.at(-1) === `late0 ${state}`);
  const send = (fromPort: number) =>
    sendDatagrams(room, {
      from: '192.0.2.1',
      fromPort,
      to: '192.0.2.2',
      toPort: 9,
      count: 10,
      bytes: 1,
      far: 1,
    });
  const come = () => {
    room.ip('link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'late1');
    room.ip('link', 'set', 'late1', 'up');
    room.ip('link', 'set', 'late0', 'arp', 'off', 'up');
    room.ip('address', 'add', '192.0.2.1/24', 'dev', 'late0');
  };
  const counted = (port: number) =>
    waitUntil(`port ${port}`, () => watcher.events.some((one) => one.clientPort === port));
  come();
  await seen('captured');
  send(7031);
  await counted(7031);
  room.ip('link', 'set', 'late0', 'down');
  await seen('failed');
  room.ip('link', 'set', 'late0', 'up');
  await seen('captured');
  send(7032);
  await counted(7032);
  room.ip('link', 'delete', 'late0');
  await seen('absent');
  come();
  await seen('captured');
  send(7033);
  await counted(7033);
  const rows = await watcher.rowsWith(7033, 10);
  for (const port of [7031, 7032, 7033]) {
    assert.deepEqual(flowOf(rows, port).packets, [10, 0]);
    assert.equal(flowOf(rows, port).isClientOwn, true);
  }
  await watcher.stop();
});

test('what the kernel drops is counted, and the interval says so', { skip }, async () => {
  const room = makeRoom();
  const watcher = await watch(room, { interfaces: ['lo'], ringBytes: 128 * 1024 });
  watcher.program.signal('SIGSTOP');
  sendDatagrams(room, {
    from: '127.0.0.1',
    fromPort: 7041,
    to: '127.0.0.1',
    toPort: 7042,
    count: 5000,
    bytes: 200,
  });
  watcher.program.signal('SIGCONT');
  await waitUntil('the flow', () => watcher.events.length > 0);
  const counts = await watcher.stop();
  assert.ok(counts.dropped > 1000, `${counts.dropped} dropped`);
  assert.equal(counts.dropped + counts.packets, 5000);
  assert.equal(
    watcher.losses.reduce((sum, { dropped }) => sum + dropped, 0),
    counts.dropped,
  );
  assert.equal(watcher.records.filter((fields) => fields.at(-1) === 'SKIPDATA').length, 1);
});

test('the filter stands in the kernel, and may be changed', { skip }, async () => {
  const room = makeRoom();
  const watcher = await watch(room, { interfaces: ['lo'], filter: 'udp port 7052' });
  const wish = { from: '127.0.0.1', to: '127.0.0.1', count: 100, bytes: 10 };
  sendDatagrams(room, { ...wish, fromPort: 7051, toPort: 7052 });
  sendDatagrams(room, { ...wish, fromPort: 7053, toPort: 7054 });
  await waitUntil('the flow', () => watcher.events.length > 0);
  assert.deepEqual(
    (await watcher.rowsWith(7051, 100)).map(({ clientPort }) => clientPort),
    [7051],
  );
  const counts = await watcher.stop();
  assert.deepEqual([counts.packets, counts.filtered], [100, 0]);
});

test('whose FIN it was is told by its direction', { skip }, async () => {
  const [one, other] = [makeRoom(), makeRoom()];
  join2(one, other);
  const watchers = [await watch(one, {}), await watch(other, {})];
  const server = `const net = require('node:net');
    net.createServer((s) => s.on('data', () => s.resetAndDestroy())).listen(7061, '198.51.100.2', () => console.log('x'));`;
  const { path, args } = other.inside({ path: process.execPath, args: ['-e', server], env: {} });
  const serving = startProgram({ path, args, env: {} }, []);
  await waitUntil('the server listens', () => serving.stdout.includes('x'));
  play(one, `require('node:net').connect(7061, '198.51.100.2').on('error', () => {}).write('x');`);
  for (const [at, isOwn] of [false, true].entries()) {
    const watcher = watchers[at];
    await waitUntil('the reset', () => watcher?.events.some(({ turn }) => turn === 'reset') ?? false);
    const reset = watcher?.events.find(({ turn }) => turn === 'reset');
    assert.deepEqual([reset?.by, reset?.isEndOwn], ['server', isOwn]);
    await watcher?.stop();
  }
  await serving.stop();
});

test('open connections are told once more at a stop', { skip }, async () => {
  const room = makeRoom();
  const watcher = await watch(room, { interfaces: ['lo'] });
  const hold = `const net = require('node:net');
    net.createServer(() => {}).listen(7071, '127.0.0.1', () => net.connect(7071, '127.0.0.1'));`;
  const { path, args } = room.inside({ path: process.execPath, args: ['-e', hold], env: {} });
  const holding = startProgram({ path, args, env: {} }, []);
  await waitUntil('it is open', () => watcher.events.some(({ turn }) => turn === 'opened'));
  await watcher.stop();
  assert.deepEqual(
    watcher.events.map(({ turn }) => turn),
    ['opened', 'update'],
  );
  await holding.stop();
});

test('without the right a Fault names it, and without the interface those that are there', {
  skip,
}, async (t) => {
  const missing = watchWith({ interfaces: ['nosuch0'], mustBeThere: true }, watcherPeer('/usr/bin/env'));
  assert.equal((await missing.program.ended).code, 1);
  assert.equal(missing.faults[0]?.code, 'CAPTURE_NO_INTERFACE');
  assert.match(missing.faults[0]?.mend ?? '', /There are: lo, .*any\./);
  if (spawnSync('setpriv', ['--version']).status !== 0) return t.skip('setpriv is missing');
  const peer = watcherPeer('setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw');
  const weak = watchWith({ interfaces: ['lo'] }, peer);
  assert.equal((await weak.program.ended).code, 77);
  const [fault] = weak.faults;
  assert.equal(fault?.code, 'CAPTURE_PERMISSION');
  assert.match(fault?.what ?? '', /CAP_NET_RAW/);
  assert.match(fault?.mend ?? '', /belfry-agent\.service\.d\/capture\.conf/);
});

test('CAP_NET_RAW alone is enough', { skip }, async (t) => {
  if (spawnSync('setpriv', ['--version']).status !== 0) return t.skip('setpriv is missing');
  const words = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps', '-all,+net_raw'];
  const peer = watcherPeer(
    'setpriv',
    ...words,
    '--ambient-caps',
    '-all,+net_raw',
    '--bounding-set',
    '-all,+net_raw',
  );
  const watcher = watchWith({ interfaces: ['lo'] }, peer);
  await waitUntil('it runs', () => watcher.hasStarted || watcher.program.hasEnded());
  assert.ok(watcher.hasStarted, watcher.program.stdout + watcher.program.stderr);
  await watcher.stop();
});
