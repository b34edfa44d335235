// What is seen of connections as messages: header, severity, structured data; what a full queue, the rate and the kernel
// cost; and that the agent does not tell of its own delivery for ever.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { DestinationConfig, TrafficConfig } from '../../../config/agent.ts';
import { Fault } from '../../../base/fault.ts';
import { TrafficInput } from '../../../client/monitor/traffic-input.ts';
import { EVENT_NAMES } from '../../../traffic/events/names.ts';
import { zoneFor } from '../../../syslog/time.ts';
import type { Turn } from '../../../traffic/flow/turn.ts';
import { makeFolder, waitUntil } from '../../system/programs.ts';
import { readText } from '../../system/world.ts';
import { HOST, makeSettings, RememberingLog, RememberingSink } from './input-parts.ts';
import { FakeDoors, seen, TIME_US, TRAFFIC } from './traffic-parts.ts';

interface World {
  readonly doors: FakeDoors;
  readonly sink: RememberingSink;
  readonly log: RememberingLog;
  readonly input: TrafficInput;
  readonly died: Error[];
}

async function start(
  t: TestContext,
  changes: Partial<TrafficConfig> = {},
  to: readonly string[] = [],
): Promise<World> {
  const world = make(changes, to);
  await world.input.start();
  await turn();
  t.after(() => world.input.stop());
  return world;
}

function make(changes: Partial<TrafficConfig>, to: readonly string[] = []): World {
  const [doors, sink, log, died] = [
    new FakeDoors(),
    new RememberingSink(),
    new RememberingLog(),
    [] as Error[],
  ];
  const targets = to.map((text) => {
    const [, scheme = 'udp', host = '', port = ''] = /^(\w+):\/\/(.*):(\d+)$/.exec(text) ?? [];
    return { scheme, host, port: Number(port), text };
  });
  const destinations = [{ to: targets }] as unknown as DestinationConfig[];
  const settings = { ...makeSettings(), zone: zoneFor('+02:00') };
  const parts = { doors, sink, log, settings, destinations, died: (error: Error) => died.push(error) };
  return { doors, sink, log, died, input: new TrafficInput({ ...TRAFFIC, ...changes }, parts) };
}

/** What came after the message that the watching began. */
const events = ({ sink }: World) => sink.messages.filter((message) => !/ (started|stopped) \[/.test(message));
const nameOf = (message: string | undefined) => message?.split(' ')[5];

test('an event is an RFC 5424 message with the time of the packet', async (t) => {
  const world = await start(t);
  world.doors.owners = { client: { how: 'exact', process: 'curl', pid: 812 } };
  world.doors.capture.onEvents([seen({ turn: 'reset', by: 'server', state: 'RSTR' })]);
  await waitUntil('it is there', () => events(world).length === 1);
  const [message = ''] = events(world);
  const start24 = `<28>1 2026-11-20T23:53:03.123456+02:00 ${HOST} belfry ${process.pid} reset [flow@32473 id="run-1" event="reset" proto="tcp"`;
  assert.equal(message.slice(0, start24.length), start24);
  assert.match(message, / procHow="exact" proc="curl" pid="812"/);
  assert.match(
    message,
    /\] TCP 10\.0\.0\.2:41234 -> 10\.0\.0\.1:2525 reset by the server after 1 s;.*2026-11-20T21:53:03\.123456Z/,
  );
});

test('each turn has its name and its severity', async (t) => {
  const world = await start(t);
  const turns = Object.keys(EVENT_NAMES) as Turn[];
  world.doors.capture.onEvents(turns.map((what, flow) => seen({ turn: what, flow })));
  await waitUntil('all are there', () => events(world).length === turns.length);
  const severities = Object.fromEntries(
    events(world).map((message) => [nameOf(message), Number(/^<(\d+)>/.exec(message)?.[1]) - 3 * 8]),
  );
  assert.deepEqual(severities, {
    opened: 6,
    update: 6,
    closed: 6,
    reset: 4,
    timeout: 4,
    refused: 5,
    'no-answer': 5,
    'half-closed': 5,
  });
  assert.equal(world.input.traffic().events['half-closed'], 1);
});

test('what the rate held back stands in the log alone, and is told as a number', async (t) => {
  const folder = makeFolder('traffic');
  t.after(folder.remove);
  const path = join(folder.path, 'traffic.log');
  const world = await start(t, { log: { path, mode: 0o600 } });
  assert.equal(world.doors.captureSettings?.tellsHeldBack, true);
  world.doors.capture.onEvents([
    seen({ turn: 'refused', isHeldBack: true }),
    seen({ turn: 'refused', flow: 2, clientPort: 99 }),
  ]);
  const losses = { heldBack: { refused: 1890, noAnswer: 0 }, dropped: 12, evicted: 3, timeUs: TIME_US };
  world.doors.capture.onLosses(losses);
  await waitUntil('both are there', () => events(world).length === 2);
  assert.deepEqual(new Set(events(world).map(nameOf)), new Set(['losses', 'refused']));
  const told = events(world).find((message) => nameOf(message) === 'losses') ?? '';
  assert.match(told, /^<28>1 /);
  assert.match(
    told,
    /\[traffic@32473 sinceUs="\d+" dropped="12" evicted="3" heldBack="1890" heldBack-refused="1890"\]/,
  );
  assert.match(
    told,
    /12 packets were not seen.*; 3 connections were forgotten.*; 1,890 events were held back by the rate limit \(1,890 refused\)\. \[flow lost 12 3 1890 \S+Z \S+Z\]$/,
  );
  assert.deepEqual(world.input.traffic().heldBack, { refused: 1890 });
  await waitUntil('the log has both', () => readText(path).includes(':99 '));
  assert.equal(
    readText(path).match(/refused/gi)?.length,
    3,
    'two lines, and the number of what was held back',
  );
  world.doors.capture.onLosses({ heldBack: {}, dropped: 0, evicted: 0, timeUs: TIME_US });
  await turn();
  assert.equal(events(world).length, 2, 'nothing lost is nothing told');
});

test('interval records are the whole text, at the end of their interval', async (t) => {
  const world = await start(t);
  const line = '2 - eth0 10.0.0.2 10.0.0.1 41234 2525 6 3 180 1795211520 1795211580 ACCEPT OK';
  world.doors.capture.onRecords([line, line.replace('OK', 'SKIPDATA')], TIME_US);
  await waitUntil('both are there', () => events(world).length === 2);
  const [message = ''] = events(world);
  assert.match(
    message,
    /^<30>1 2026-11-20T23:53:03\.123456\+02:00 \S+ belfry \d+ record \[flow@32473 event="record"\] 2 - eth0 /,
  );
  assert.ok(message.endsWith(line));
  assert.equal(world.input.traffic().records, 2);
});

test('a scan is no flood of records: what is over maxRecords is a number, and gaps are told all the same', async (t) => {
  const world = await start(t);
  const line = '2 - eth0 10.0.0.2 10.0.0.1 41234 2525 6 3 180 1795211520 1795211580 ACCEPT OK';
  const gap = '2 - eth0 - - - - - - - 1795211520 1795211580 - SKIPDATA';
  world.doors.capture.onRecords([line, line], TIME_US);
  world.doors.capture.onRecords([line, line, line, gap], TIME_US);
  assert.equal(world.input.traffic().recordsOver, 2);
  world.doors.capture.onRecords([line], TIME_US + 60_000_000);
  await waitUntil('all are there', () => events(world).length === 6);
  assert.deepEqual(events(world).map(nameOf), ['record', 'record', 'record', 'record', 'losses', 'record']);
  const told = events(world)[4] ?? '';
  assert.match(told, /\[traffic@32473 records="2"\] 2 interval records were not told, .*maxRecords \(3\)/);
  assert.deepEqual([world.input.traffic().recordsOver, world.input.traffic().records], [2, 5]);
});

test('an interface that comes or goes is a message', async (t) => {
  const world = await start(t);
  world.doors.capture.onInterface({ name: 'eth0', state: 'absent', trouble: 'it was removed.' });
  world.doors.capture.onInterface({ name: 'eth0', state: 'captured', trouble: undefined });
  await waitUntil('both are there', () => events(world).length === 2);
  const [gone = '', back = ''] = events(world);
  assert.match(
    gone,
    /^<28>1 .* interface .*\[traffic@32473 interface="eth0" state="absent" trouble="it was removed\."\] The interface eth0 is not watched: it was removed\./,
  );
  assert.match(back, /^<29>1 .* The interface eth0 is watched\.$/);
  assert.ok(world.log.has('The interface eth0 is not watched'));
});

test('a full queue is waited for by nobody: what has no room is counted and said', async (t) => {
  const world = await start(t);
  world.sink.room = 0;
  for (let at = 0; at < 30; at += 1) {
    world.doors.capture.onEvents(Array.from({ length: 100 }, (_, i) => seen({ flow: at * 100 + i })));
    await turn();
  }
  const { dropped, isHeld } = world.input.status();
  const lost = dropped['queue_full'] ?? 0;
  assert.ok(isHeld && lost > 0 && lost < 3000, String(lost));
  assert.ok(world.log.has('No queue has room'));
  world.sink.room = Number.POSITIVE_INFINITY;
  world.input.resume();
  assert.equal(events(world).length, 3000 - lost, 'what fitted into the batch is given on');
  world.doors.capture.onEvents([seen({ flow: 9999 })]);
  await waitUntil('it goes on', () => events(world).length === 3001 - lost);
});

test('its own delivery by UDP is not told, whoever else sends there is', async (t) => {
  const world = await start(t, {}, [
    'udp://10.0.0.9:514',
    'udp://logs.example.org:515',
    'relp://10.0.0.1:2514',
  ]);
  const { doors } = world;
  const to = (serverAddress: string, serverPort: number, pid?: number, protocol = 17) => {
    doors.owners = pid === undefined ? {} : { client: { how: 'exact', process: 'x', pid } };
    doors.capture.onEvents([
      seen({ flow: serverPort * 100 + (pid ?? 0), protocol, serverAddress, serverPort }),
    ]);
    return turn();
  };
  await to('10.0.0.9', 514);
  await to('10.0.0.9', 514, process.pid);
  await to('192.0.2.1', 515);
  assert.deepEqual([events(world).length, world.input.traffic().ownDelivery], [0, 3]);
  await to('10.0.0.9', 514, 4711);
  await to('10.0.0.8', 514);
  await to('10.0.0.9', 516);
  await to('10.0.0.9', 514, undefined, 6);
  await to('10.0.0.1', 2514, process.pid, 6);
  await waitUntil('the others are there', () => events(world).length === 5);
  assert.equal(world.input.traffic().ownDelivery, 3);
});

test('the end tells what is open still, with its owner, and goes in the right order', async () => {
  const world = make({});
  await world.input.start();
  world.doors.last = [seen({ turn: 'update' })];
  world.doors.owners = { client: { how: 'exact', process: 'nc', pid: 3 } };
  await world.input.stop();
  await world.input.stop();
  assert.deepEqual(world.sink.messages.map(nameOf), ['started', 'update', 'stopped']);
  assert.match(world.sink.messages[1] ?? '', /proc="nc"/);
  assert.deepEqual(world.doors.order, ['who starts', 'capture starts', 'capture stops', 'who stops']);
});

test('the end does not wait for ever for an owner', async () => {
  const world = make({});
  await world.input.start();
  world.doors.last = [seen({ turn: 'update' })];
  world.doors.owners = undefined;
  await world.input.stop();
  assert.deepEqual(world.sink.messages.map(nameOf), ['started', 'update', 'stopped']);
  assert.match(world.sink.messages[1] ?? '', /procHow="unknown:busy"/);
});

test('a capture that may not run leaves nothing open, and says why', async () => {
  const world = make({});
  world.doors.refusal = new Fault('INPUT_PERMISSION', { what: 'no right' });
  await assert.rejects(world.input.start(), /no right/);
  await world.input.stop();
  assert.deepEqual(world.doors.order, ['who starts', 'capture starts', 'capture stops', 'who stops']);
  assert.deepEqual(world.sink.messages, []);
});

test('without owners nobody is asked, and nothing waits', async (t) => {
  const world = await start(t, { owners: false });
  world.doors.capture.onEvents([seen()]);
  await waitUntil('it is there', () => events(world).length === 1);
  assert.deepEqual(world.doors.asked, []);
  assert.equal(world.input.traffic().owners, null);
});

test('listeners go from the one thread to the other; a death ends the process', async (t) => {
  const world = await start(t);
  world.doors.who.onListeners([{ protocol: 6, w0: 0, w1: 0, w2: 0, w3: 0, port: 80 }]);
  assert.equal(world.doors.listeners[0]?.port, 80);
  world.doors.who.onDied(new Error('who'));
  world.doors.capture.onDied(new Error('capture'));
  assert.deepEqual(
    world.died.map(({ message }) => message),
    ['who', 'capture'],
  );
});

test('the settings of the capture are those of the configuration', () => {
  const { doors } = make({ events: ['no-answer', 'reset'], flowIntervalMs: undefined });
  assert.deepEqual(doors.captureSettings, {
    interfaces: ['eth0'],
    filter: 'port 2525',
    promiscuous: false,
    snapBytes: 256,
    ringBytes: 1 << 20,
    rate: TRAFFIC.rateLimit,
    limits: {
      flowsMax: 1024,
      noAnswerUs: 1000,
      timeoutUs: 2000,
      halfClosedUs: 3000,
      otherIdleUs: 4000,
      tcpIdleUs: 5000,
      updateUs: 600_000_000,
    },
    turns: ['reset', 'noAnswer'],
    tellsHeldBack: false,
    records: undefined,
  });
  const { captureSettings } = make({}).doors;
  const records = { intervalUs: 60_000_000, account: '-', fields: ['version', 'srcaddr'] };
  assert.deepEqual(captureSettings?.records, records);
});
