// Two hosts, an agent on each, and a server between them: what really happens to a connection is what both agents tell,
// and what stands in the server's files. The ends of connections are real: nc talks, hangs up, is killed; ports are
// closed; a router drops, resets and is unplugged.

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { demandPeer } from './peers.ts';
import { waitUntil } from './programs.ts';
import type { SeenEvent } from './seen-event.ts';
import { type Host, TwoHosts, whyNoTwoHosts } from './two-hosts.ts';
import { hangUp, logLines, readText } from './world.ts';

const skip = whyNoTwoHosts();
const PORT = 2525;

/** How long messages are counted. */
const SECONDS = 6;
/** Short silences, so that a test need not wait for minutes. */
const TIMEOUTS = { noAnswer: '1s', silent: '2s', halfClosed: '1s', udpIdle: '1s' };
const TRAFFIC = { filter: `port ${PORT}`, timeouts: TIMEOUTS };

interface Talk {
  readonly server: Awaited<ReturnType<Host['listen']>>;
  readonly client: ReturnType<Host['connect']>;
}

/** Lines in both directions. */
async function talk(
  world: TwoHosts,
  args: readonly string[] = [],
  address = world.beta.address,
): Promise<Talk> {
  const server = await world.beta.listen(PORT, args);
  const client = world.alpha.connect(address, PORT, args);
  client.say('hello\n');
  await server.heard('hello\n');
  server.say('good day\n');
  await client.heard('good day\n');
  return { server, client };
}

/** What both hosts tell of one connection: the event of that name from each. */
async function both(world: TwoHosts, name: string): Promise<readonly [alpha: SeenEvent, beta: SeenEvent]> {
  const views = await Promise.all([world.alpha.event(name), world.beta.event(name)]);
  for (const { params } of views) {
    assert.equal(params['dst'], world.beta.address, 'the server is who was connected to');
    assert.equal(params['dport'], String(PORT));
  }
  assert.equal(views[0].params['sport'], views[1].params['sport'], 'both see the same connection');
  return [views[0], views[1]];
}

const names = (host: Host) => host.events().map(({ name }) => name);
const number = (event: SeenEvent, key: string) => Number(event.params[key]);

test('a connection that is opened, used and closed is told alike by both hosts', { skip }, async (t) => {
  const timeouts = { ...TIMEOUTS, halfClosed: '10s' };
  const world = await TwoHosts.open(t, { traffic: { ...TRAFFIC, timeouts } });
  const { server, client } = await talk(world, ['-N']);
  const opened = await both(world, 'opened');
  client.end();
  await server.ended;
  const closed = await both(world, 'closed');
  for (const event of [...opened, ...closed]) assert.equal(event.pri, 3 * 8 + 6, event.line);
  for (const event of closed) {
    assert.equal(event.params['state'], 'SF');
    assert.equal(event.params['by'], 'client');
    assert.equal(number(event, 'payloadOut'), 6);
    assert.equal(number(event, 'payloadIn'), 9);
  }
  const [a, b] = closed;
  for (const key of ['packetsOut', 'bytesOut', 'packetsIn', 'bytesIn'])
    assert.equal(a.params[key], b.params[key], `${key} of both hosts`);
  assert.equal(a.params['view'], 'client');
  assert.equal(b.params['view'], 'server');
  assert.equal(a.params['id'], opened[0].params['id'], 'one id joins what one host tells of a connection');
  assert.notEqual(a.params['id'], b.params['id']);
  assert.match(a.params['proc'] ?? '', /^nc/, a.line);
  assert.equal(a.params['pid'], String(client.pid));
  assert.equal(b.params['pidServer'], String(server.pid), b.line);
  for (const host of world.hosts) assert.deepEqual(names(host).slice(0, 3), ['started', 'opened', 'closed']);
});

test('a port that nobody listens on is refused, on both hosts', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  await world.alpha.connect(world.beta.address, PORT).ended;
  const views = await both(world, 'refused');
  for (const { pri, params } of views) {
    assert.equal(pri, 3 * 8 + 5);
    assert.equal(params['by'], 'server');
    assert.equal(params['state'], 'REJ');
  }
  assert.deepEqual(
    views.map(({ params }) => params['sent']),
    ['elsewhere', 'here'],
  );
});

test('a router that refuses by ICMP is told with the code, and the server sees nothing', {
  skip,
}, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  world.middle(
    `chain forward { type filter hook forward priority 0; tcp dport ${PORT} reject with icmp type admin-prohibited; }`,
  );
  await world.alpha.connect(world.beta.address, PORT).ended;
  const { params, text } = await world.alpha.event('refused');
  assert.equal(params['icmp'], '3/13');
  assert.match(text, /prohibited/);
  await world.beta.event('started');
  assert.deepEqual(names(world.beta), ['started']);
});

test('SYNs that are dropped on the way have no answer, and are not called refused', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  world.middle(`chain forward { type filter hook forward priority 0; tcp dport ${PORT} drop; }`);
  const client = world.alpha.connect(world.beta.address, PORT, ['-w', '2']);
  const { params, pri } = await world.alpha.event('no-answer');
  assert.equal(pri, 3 * 8 + 5);
  assert.equal(params['state'], 'S0');
  assert.ok(Number(params['syns']) >= 1);
  await client.ended;
  assert.deepEqual(names(world.beta), ['started']);
  assert.ok(!names(world.alpha).includes('refused'));
});

test('a reset by the server, by the client, and by the middle: each host knows who sent it', {
  skip,
}, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  await t.test('the server has unread data and is killed', async () => {
    const { server, client } = await talk(world);
    // The kernel answers what nobody will read with a RST.
    await server.stop();
    client.say('is anybody there?\n');
    await client.ended;
    const [a, b] = await both(world, 'reset');
    for (const { params, pri } of [a, b]) {
      assert.equal(params['by'], 'server');
      assert.equal(pri, 3 * 8 + 4);
    }
    assert.deepEqual([a.params['sent'], b.params['sent']], ['elsewhere', 'here']);
  });
  await t.test('a router resets both ends', async () => {
    const before = world.alpha.events('reset').length;
    const { client, server } = await talk(world);
    await waitUntil('it is open', () => world.alpha.events('opened').length === 2);
    const sport = world.alpha.events('opened').at(-1)?.params['sport'];
    world.middle(
      `chain forward { type filter hook forward priority 0; tcp dport ${PORT} reject with tcp reset; tcp sport ${PORT} reject with tcp reset; }`,
    );
    client.say('still there?\n');
    server.say('still there?\n');
    await waitUntil('alpha tells of it', () => world.alpha.events('reset').length > before);
    await waitUntil('beta tells of it', () => world.beta.events('reset').at(-1)?.params['sport'] === sport);
    const [a, b] = [world.alpha.events('reset').at(-1), world.beta.events('reset').at(-1)];
    assert.deepEqual(
      [a?.params['by'], a?.params['sent'], b?.params['by'], b?.params['sent']],
      ['server', 'elsewhere', 'client', 'elsewhere'],
      'each thinks that the other did it, and neither host sent it',
    );
    world.middle('');
  });
});

test('a host that dies within a connection leaves the other with a timeout', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  const { client } = await talk(world);
  await both(world, 'opened');
  world.unplug(world.beta);
  client.say('are you there?\n');
  const { params, pri } = await world.alpha.event('timeout');
  assert.equal(pri, 3 * 8 + 4);
  assert.equal(params['outstandingOut'], String('are you there?\n'.length));
  assert.ok(Number(params['retransmittedOut']) >= 1);
  world.middle('');
  await world.beta.event('opened');
});

/** Takes a connection, and keeps its own side open when the other has ended. */
const PATIENT =
  "require('node:net').createServer({ allowHalfOpen: true }, (socket) => socket.resume()).listen(process.argv[1])";

test('one side that is done while the other is not is half closed', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  // nc hangs up as soon as the other side does.
  const node = { path: process.execPath, args: ['-e', PATIENT], env: {} };
  world.beta.run(node, [String(PORT)]);
  await world.beta.listening(PORT);
  const client = world.alpha.connect(world.beta.address, PORT, ['-N']);
  client.say('bye\n');
  client.end();
  const views = await both(world, 'half-closed');
  for (const { params, pri } of views) {
    assert.equal(params['by'], 'client');
    assert.equal(pri, 3 * 8 + 5);
  }
});

test('IPv6 is told as IPv6, and a scan of many ports is no flood', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: { ...TRAFFIC, filter: 'not port 2514' } });
  const { client, server } = await talk(world, ['-6', '-N'], world.beta.address6);
  client.end();
  await server.ended;
  const views = await Promise.all(world.hosts.map((host) => host.event('closed', { dport: String(PORT) })));
  for (const { params, text } of views) {
    assert.equal(params['dst'], 'fd77:1::2');
    assert.match(text, /\[fd77:0?:?:?.*\]:\d+ -> \[fd77:1::2\]:2525 /);
  }
  await scan(t, world);
});

/** 2,000 ports within a second: bounded messages, and what was held back is told. */
async function scan(t: TestContext, world: TwoHosts): Promise<void> {
  const nc = demandPeer('nc');
  const scanner = world.alpha.run(nc, ['-z', '-n', '-w', '1', world.beta.address, '10001-12000']);
  await scanner.ended;
  await Promise.all(
    world.hosts.map((host) =>
      waitUntil(
        `${host.name} says what was held back`,
        () => sum(host.events('losses'), 'heldBack') + host.events('refused').length >= 2000,
      ),
    ),
  );
  for (const host of world.hosts) {
    const refused = host.events('refused').length;
    const held = sum(host.events('losses'), 'heldBack-refused');
    t.diagnostic(`${host.name}: ${refused} of 2,000 refusals told, ${held} held back`);
    assert.equal(refused + held, 2000);
    assert.ok(refused <= 400, 'a scan of 2,000 ports makes some hundred messages at most');
    const { traffic } = await host.status();
    assert.equal(traffic?.heldBack['refused'], held);
  }
}

function sum(events: readonly SeenEvent[], key: string): number {
  return events.reduce((total, { params }) => total + Number(params[key] ?? 0), 0);
}

test('the example of the manual: a filter, a log, interval records', { skip }, async (t) => {
  const world = await TwoHosts.open(t, {
    traffic: ({ logPath }) => ({
      interfaces: ['eth0'],
      log: logPath,
      filter: 'port 2525',
      flowInterval: '1s',
    }),
  });
  const { client, server } = await talk(world, ['-N']);
  // An interval before it has a record without data.
  const taken = (host: Host) => host.events('record').filter(({ text }) => text.endsWith(' OK'));
  for (const host of world.hosts) await waitUntil('a record of it', () => taken(host).length > 0);
  client.end();
  await server.ended;
  await both(world, 'closed');
  for (const host of world.hosts) {
    const fields = taken(host)[0]?.text.split(' ') ?? [];
    assert.equal(fields.length, 14);
    assert.deepEqual([fields[0], fields[2], fields[7]], ['2', 'eth0', '6']);
    await waitUntil('the log has the end', () => /FIN sent by the client first, closed/.test(host.log));
    assert.match(host.log, /monitor started/);
    assert.match(host.log, /; TCP; eth0; \d+ bytes; from 10\.77\.0\.2:\d+ to 10\.77\.1\.2:2525; /);
    await rotate(host);
  }
  // Every packet of a connection is in exactly one record.
  await waitUntil('all packets are in records', () => {
    const [packets, bytes] = recorded(world.alpha);
    const [closed] = world.alpha.events('closed');
    assert.ok(closed);
    const all = number(closed, 'packetsOut') + number(closed, 'packetsIn');
    return packets === all && bytes === number(closed, 'bytesOut') + number(closed, 'bytesIn');
  });
});

function recorded(host: Host): readonly [packets: number, bytes: number] {
  const rows = host.events('record').map(({ text }) => text.split(' '));
  const sumOf = (at: number) => rows.reduce((total, row) => total + (Number(row[at]) || 0), 0);
  return [sumOf(8), sumOf(9)];
}

/** As logrotate does it. */
async function rotate(host: Host): Promise<void> {
  assert.ok(host.agent);
  const before = host.log;
  renameSync(host.logPath, `${host.logPath}.1`);
  await hangUp(host.agent);
  await waitUntil('the log is there again', () => /reopened at the HUP signal/.test(host.log));
  assert.ok(readText(`${host.logPath}.1`).startsWith(before), 'the old file keeps what it had');
}

test('connections that are open at the stop are told, and stand in the log', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: ({ logPath }) => ({ ...TRAFFIC, log: logPath }) });
  await talk(world);
  await both(world, 'opened');
  for (const host of world.hosts) {
    const ended = await host.agent?.stop();
    assert.equal(ended?.code, 0);
    const lines = host.log.trimEnd().split('\n');
    assert.match(lines.at(-1) ?? '', /monitor stopped/);
    assert.match(lines.at(-2) ?? '', /; active, /);
    await host.event('update');
    await host.event('stopped');
  }
});

test('no message about a message: what the agents deliver with makes no endless chain', {
  skip,
}, async (t) => {
  for (const scheme of ['relp', 'udp'] as const) {
    const world = await TwoHosts.open(t, {
      scheme,
      traffic: { interfaces: ['eth0'], filter: 'tcp or udp', flowInterval: '1s', timeouts: TIMEOUTS },
    });
    await sleep(1500);
    const before = world.alpha.events().length;
    const began = performance.now();
    await sleep(SECONDS * 1000);
    const seconds = (performance.now() - began) / 1000;
    const later = world.alpha.events().slice(before);
    const { traffic } = await world.alpha.status();
    t.diagnostic(
      `${scheme}: ${later.length} messages in ${seconds.toFixed(1)} s, not told ${traffic?.ownDelivery}`,
    );
    const lines = later.map(({ line }) => line).join('\n');
    // Two directions of the one connection to the server, an interval each.
    assert.ok(later.length <= 2 * (seconds + 4), `${scheme}: ${lines}`);
    const events = later.filter(({ name, params }) => name !== 'record' && params['dport'] === '2514');
    assert.deepEqual(events, []);
  }
});

test('an interface that goes is told when it is back, and watched again', { skip }, async (t) => {
  const world = await TwoHosts.open(t, {
    traffic: ({ logPath }) => ({ ...TRAFFIC, interfaces: ['eth0'], log: logPath }),
  });
  const { alpha } = world;
  const { agent } = alpha;
  assert.ok(agent);
  alpha.ip('link', 'set', 'eth0', 'down');
  await waitUntil('it is said', () => logLines(agent, 'eth0 is not watched').length > 0);
  const { inputs } = await alpha.status();
  assert.match(inputs.find(({ type }) => type === 'traffic')?.trouble ?? '', /eth0 is not watched/);
  alpha.ip('link', 'set', 'eth0', 'up');
  alpha.ip('route', 'replace', 'default', 'via', '10.77.0.1');
  await alpha.event('interface', { interface: 'eth0', state: 'captured' });
  assert.notEqual(alpha.events('interface')[0]?.params['state'], 'captured', 'first it was gone');
  await waitUntil('the log has it too', () => /; eth0; captured/.test(alpha.log));
  const { client, server } = await talk(world, ['-N']);
  client.end();
  await server.ended;
  await both(world, 'closed');
});

test('a quiet host costs next to nothing', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: {} });
  const pid = world.alpha.agent?.pid ?? 0;
  await sleep(1500);
  const before = cpuTicks(pid);
  const seconds = 5;
  await sleep(seconds * 1000);
  // Ticks of 10 ms (USER_HZ); printed, since a busy machine decides no test.
  const share = ((cpuTicks(pid) - before) / 100 / seconds) * 100;
  t.diagnostic(`${share.toFixed(2)} % of a core while nothing happens`);
});

/** utime and stime of all threads: fields 14 and 15 of /proc/PID/stat (proc(5)). */
function cpuTicks(pid: number): number {
  const fields = readText(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

test('a reload: a bad filter changes nothing, the same goes on, another begins anew', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  const { alpha } = world;
  assert.ok(alpha.agent);
  const since = (await alpha.status()).traffic?.since;
  alpha.writeAgent({ ...TRAFFIC, filter: 'prt 2525' });
  await hangUp(alpha.agent, 'was not taken');
  assert.match(alpha.agent.stderr, /CONFIG_BAD_FILTER/);
  world.writeAgent(alpha);
  await hangUp(alpha.agent);
  assert.equal((await alpha.status()).traffic?.since, since, 'what did not change goes on');
  await talk(world);
  await both(world, 'opened');
  alpha.writeAgent({ ...TRAFFIC, filter: 'port 2526' });
  await hangUp(alpha.agent);
  const { traffic } = await alpha.status();
  assert.equal(traffic?.filter, 'port 2526');
  await waitUntil('it began anew', () => alpha.events('started').length === 2);
  assert.deepEqual(names(alpha), ['started', 'opened', 'update', 'stopped', 'started']);
  alpha.writeAgent(undefined, { inputs: [{ type: 'listen', listen: 'udp://127.0.0.1:5514' }] });
  await hangUp(alpha.agent);
  assert.equal((await alpha.status()).traffic, null);
});

test('without the right to capture the rest of the agent runs, and says once what is missing', {
  skip,
}, async (t) => {
  const world = await TwoHosts.open(t, { traffic: TRAFFIC });
  const { alpha } = world;
  await alpha.agent?.stop();
  alpha.writeAgent(TRAFFIC, { inputs: [{ type: 'listen', listen: 'udp://127.0.0.1:5514' }] });
  const agent = await alpha.startAgent(['--bounding-set=-all', '--inh-caps=-all']);
  await waitUntil('it says so', () => logLines(agent, 'CAP_NET_RAW').length > 0);
  const { inputs, traffic } = await alpha.status();
  assert.equal(traffic, null);
  assert.match(inputs.find(({ type }) => type === 'traffic')?.trouble ?? '', /CAP_NET_RAW/);
  const logger = demandPeer('logger');
  alpha.run(logger, ['-n', '127.0.0.1', '-P', '5514', '-d', '--rfc5424', '-t', 'app', 'still here']);
  await waitUntil('logs arrive', () => /still here/.test(world.central));
});
