// tcpdump and iptraf-ng beside the capture on the same cable: of the same traffic all three count the same packets and
// bytes. On a veth, since iptraf-ng counts loopback twice.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { join2, play, sendDatagrams, watch } from './capture-world.ts';
import { makeNamespace, type Namespace, whyNoNetwork } from './netns.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { makeFolder, type Program, startProgram, waitUntil } from './programs.ts';

const rooms: Namespace[] = [];
const folder = makeFolder('capture-witness');
after(() => {
  for (const room of rooms) room.remove();
  folder.remove();
});

function makeCable() {
  const [one, other] = [makeNamespace(), makeNamespace()];
  rooms.push(one, other);
  const [, far] = join2(one, other);
  return { one, other, far };
}

/** UDP both families, and one TCP connection with some hundred packets. */
async function talk(one: Namespace, other: Namespace): Promise<void> {
  const serve = `require('node:net').createServer((s) => s.on('data', () => {}).on('end', () => s.end(Buffer.alloc(200000))))
    .listen(7083, '198.51.100.2', () => console.log('x'));`;
  const peer = other.inside({ path: process.execPath, args: ['-e', serve], env: {} });
  const serving = startProgram(peer, []);
  await waitUntil('the server listens', () => serving.stdout.includes('x'));
  const wish = { fromPort: 7081, toPort: 7082, count: 400, bytes: 200, far: 1 };
  sendDatagrams(one, { ...wish, from: '198.51.100.1', to: '198.51.100.2' });
  sendDatagrams(one, { ...wish, from: 'fd00:51::1', to: 'fd00:51::2' });
  play(
    one,
    `require('node:net').connect({ port: 7083, host: '198.51.100.2', localPort: 7084 }).on('data', () => {}).end(Buffer.alloc(100000));`,
  );
  await serving.stop();
}

test('tcpdump counts the same packets and bytes', {
  skip: whyNoNetwork() || skipWithout('tcpdump'),
}, async () => {
  const { one, other, far } = makeCable();
  const filter = 'tcp or udp';
  const tcpdump = startProgram(other.inside(demandPeer('tcpdump')), [
    ...['-Z', 'root', '-i', far, '-nn', '-v', '-l', '--immediate-mode', '-s', '256', '-B', '8192', filter],
  ]);
  await waitUntil('tcpdump captures', () => tcpdump.stderr.includes('listening'));
  const watcher = await watch(other, { interfaces: [far], filter });
  await talk(one, other);
  await waitUntil('the end', () =>
    watcher.events.some(({ turn, protocol }) => turn === 'closed' && protocol === 6),
  );
  await watcher.rowsWith(7081, 800);
  const counts = await watcher.stop();
  // An ICMP error about a port of ours passes our filter as well, by design; it is neither TCP nor UDP.
  const icmp = watcher.records.filter((fields) => fields[7] === '1' || fields[7] === '58');
  const sum = (at: number, rows: readonly string[][]) =>
    rows.reduce((total, row) => total + Number(row[at]), 0);
  const wanted = counts.packets - sum(8, icmp);
  assert.ok(wanted > 800, `${wanted}`);
  const printed = () => tcpdump.stdout.split('\n').filter((line) => /^\d\d:\d\d:/.test(line)).length;
  await waitUntil('tcpdump has printed all', () => printed() >= wanted);
  await tcpdump.stop('SIGINT');
  assert.equal(printed(), wanted);
  const v4 = [...tcpdump.stdout.matchAll(/\blength (\d+)\)\n/g)].reduce(
    (total, [, bytes]) => total + Number(bytes),
    0,
  );
  const v6 = [...tcpdump.stdout.matchAll(/payload length: (\d+)\)/g)].reduce(
    (total, [, bytes]) => total + Number(bytes) + 40,
    0,
  );
  assert.equal(sum(9, watcher.records) - sum(9, icmp), v4 + v6);
});

test('iptraf-ng counts the same packets and bytes', {
  skip: whyNoNetwork() || skipWithout('iptraf-ng'),
}, async () => {
  const { one, other, far } = makeCable();
  const log = join(folder.path, 'iptraf.log');
  const iptraf = startIptraf(other, far, log);
  await waitUntil(
    'iptraf-ng has begun',
    () => existsSync(log) && readFileSync(log, 'utf8').includes('started'),
  );
  const watcher = await watch(other, { interfaces: [far] });
  await talk(one, other);
  await waitUntil('the end', () =>
    watcher.events.some(({ turn, protocol }) => turn === 'closed' && protocol === 6),
  );
  const udp = / bytes;.* from 198\.51\.100\.1:7081 to /;
  const lines = () => readFileSync(log, 'utf8').split('\n');
  await waitUntil('its log', () => lines().filter((line) => line.includes('FIN sent')).length === 2);
  await waitUntil('its datagrams', () => lines().filter((line) => udp.test(line)).length === 400);
  const row = (fields: string[], port: string) => fields[5] === port && fields[7] === '17';
  await watcher.stop();
  const ours = watcher.records.find((fields) => row(fields, '7081') && fields[3] === '198.51.100.1');
  const bytes = lines()
    .filter((line) => udp.test(line))
    .reduce((total, line) => total + Number(/; (\d+) bytes;/.exec(line)?.[1]), 0);
  assert.deepEqual([Number(ours?.[8]), Number(ours?.[9])], [400, bytes]);
  // Its line of a FIN tells the packets and bytes of that direction until then, the FIN included.
  for (const [port, address] of [
    ['7084', '198.51.100.1'],
    ['7083', '198.51.100.2'],
  ] as const) {
    const line = lines().find(
      (text) => text.includes('FIN sent') && text.includes(`from ${address}:${port} `),
    );
    const [, packets, size] = /FIN sent; (\d+) packets, (\d+) bytes/.exec(line ?? '') ?? [];
    const mine = watcher.records.find((fields) => fields[5] === port && fields[7] === '6');
    const late = Number(mine?.[8]) - Number(packets);
    // Pure acknowledgements of 52 bytes may follow.
    assert.ok(late >= 0 && late < 60, `${line}: we counted ${mine?.join(' ')}`);
    assert.equal(Number(mine?.[9]) - Number(size), late * 52, line);
  }
  await iptraf.stop();
});

/** As a daemon it would leave us; in front of a terminal of its own it stays. */
function startIptraf(room: Namespace, device: string, log: string): Program {
  rmSync(log, { force: true });
  const peer = room.inside(demandPeer('iptraf-ng'));
  const words = [peer.path, ...peer.args, '-i', device, '-L', log].join(' ');
  return startProgram(
    { path: 'script', args: ['-q', '-c', words, '/dev/null'], env: { ...peer.env, TERM: 'xterm' } },
    [],
  );
}
