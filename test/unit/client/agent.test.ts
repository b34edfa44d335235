// The agent with inputs and transports of the test's own: what starts, what a reload touches and what it leaves
// alone, what is safe after a stop.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import type { Agent } from '../../../client/agent.ts';
import { Forwarder } from '../../../client/forwarder.ts';
import { waitUntil } from '../../system/programs.ts';
import { batchOf } from '../delivery/use-spool.ts';
import { AgentWorld, FakeTransport, records } from './agent-parts.ts';

const one = (agent: Agent) => {
  const [first] = agent.status().destinations;
  assert.ok(first);
  return first;
};

test('what an input reads is delivered to each destination that wants it', async (t) => {
  const world = new AgentWorld(t);
  const all = world.destination('all');
  const auth = world.destination('auth', { select: ['auth.*'] });
  const agent = await world.open(world.config([world.file('log'), world.devlog('dev')], [all, auth]));
  world.doors.input('log', 'all').feed(records(0, 3));
  world.doors.input('log', 'auth').feed([...records(0, 3), ...records(3, 1, 38)]);
  world.doors.input('dev').feed([...records(10, 1, 38), ...records(11, 1)]);
  const { delivered } = world.doors.transport('all');
  await waitUntil('all have arrived', () => delivered.length === 5);
  await waitUntil('those of auth have arrived', () => world.doors.transport('auth').delivered.length === 2);
  assert.deepEqual(delivered, [...records(0, 3), ...records(10, 1, 38), ...records(11, 1)]);
  assert.deepEqual(world.doors.transport('auth').delivered, [...records(3, 1, 38), ...records(10, 1, 38)]);
  const status = agent.status();
  assert.deepEqual(
    status.inputs.map(({ name, destination }) => [name, destination]),
    [
      ['log', 'all'],
      ['log', 'auth'],
      ['dev', null],
    ],
  );
  assert.equal(status.destinations[1]?.passedOver, 4);
  assert.deepEqual([status.destinations[0]?.delivered, status.destinations[0]?.dropped], [5, {}]);
});

test('after a stop everything that was taken is safe for the checkpoint, and goes out at the next start', async (t) => {
  const world = new AgentWorld(t);
  world.doors.shut.add('one');
  const config = world.config([world.file('log')], [world.destination('one')]);
  const agent = await world.open(config);
  const input = world.doors.input('log', 'one');
  input.feed(records(0, 1000));
  await agent.stop(1000);
  assert.equal(input.saved, 1000);
  assert.equal(world.doors.hasStopped, true);
  world.doors.shut.clear();
  const again = await world.open(config);
  await waitUntil('all have arrived', () => world.doors.transport('one').delivered.length === 1000);
  assert.equal(one(again).queue.waiting, 0);
  await agent.stop(1000);
});

test('while the other side answers, and after that, nothing more is taken', async (t) => {
  const world = new AgentWorld(t);
  const agent = await world.open(world.config([world.file('log')], [world.destination('one')]));
  const input = world.doors.input('log', 'one');
  world.doors.transport('one').onStop = () => input.feed(records(0, 5));
  await agent.stop(1000);
  assert.equal(input.held.length, 5);
  input.resume();
  assert.equal(input.held.length, 5);
  assert.equal(input.saved, 0);
});

test('room in a queue is told at once, not at the next tick', async (t) => {
  const world = new AgentWorld(t);
  let told = 0;
  const transports: FakeTransport[] = [];
  const config = world.destination('one');
  const forwarder = new Forwarder(config, {
    log: world.log,
    maxMessageBytes: 1000,
    openTransport: (reader) => {
      const transport = new FakeTransport(config, reader);
      transports.push(transport);
      return transport;
    },
    onRoom: () => {
      told += 1;
    },
  });
  t.after(() => forwarder.stop(Date.now()));
  const sink = forwarder.openSink();
  const text = records(0, 40_000);
  assert.ok(sink.put(batchOf(text)) < text.length);
  assert.equal(told, 0);
  forwarder.start();
  await waitUntil('it is told', () => told === 1);
  assert.ok(sink.put(batchOf(text)) > 0);
});

test('a dead destination holds back its own inputs, and nobody else', async (t) => {
  const world = new AgentWorld(t);
  world.doors.shut.add('dead');
  const agent = await world.open(
    world.config(
      [world.file('log'), world.devlog('dev')],
      [world.destination('dead'), world.destination('good')],
    ),
  );
  const text = records(0, 40_000);
  world.doors.input('log', 'dead').feed(text);
  world.doors.input('log', 'good').feed(text);
  const good = world.doors.transport('good').delivered;
  await waitUntil('the good one has all', () => good.length === text.length);
  assert.ok(world.doors.input('log', 'dead').held.length > 0);
  world.doors.input('dev').feed(records(0, 1000));
  await waitUntil('live ones too', () => good.length === text.length + 1000);
  const [dead] = agent.status().destinations;
  assert.equal(dead?.dropped['live_limit'], 1000);
  assert.equal(world.log.count(/dead has no room \(limit\)/), 1);
  assert.match(dead?.queue.trouble ?? '', /maxDiskSpace/);
  world.doors.transport('dead').isOpen = true;
  world.doors.transport('dead').wake();
  await waitUntil('held ones go on when there is room', () => {
    return world.doors.transport('dead').delivered.length === text.length;
  });
});

test('the only destination holds a live input back until there is room', async (t) => {
  const world = new AgentWorld(t);
  world.doors.shut.add('one');
  const agent = await world.open(world.config([world.devlog('dev')], [world.destination('one')]));
  const text = records(0, 40_000);
  world.doors.input('dev').feed(text);
  assert.ok(world.doors.input('dev').held.length > 0);
  world.doors.transport('one').isOpen = true;
  world.doors.transport('one').wake();
  await waitUntil('all have arrived', () => world.doors.transport('one').delivered.length === text.length);
  assert.deepEqual(one(agent).dropped, {});
});

test('an input that cannot start takes nobody down, and is tried again', async (t) => {
  const world = new AgentWorld(t);
  world.doors.broken.set('bad', 'LISTEN_FAILED');
  const agent = await world.open(
    world.config([world.file('good'), world.file('bad')], [world.destination('one')]),
  );
  world.doors.input('good', 'one').feed(records(0, 2));
  await waitUntil('the good one works', () => world.doors.transport('one').delivered.length === 2);
  const bad = agent.status().inputs.find(({ name }) => name === 'bad');
  assert.equal(bad?.trouble, 'There is no such thing. bad');
  assert.equal(world.log.count(/The input "bad" for one does not run/), 1);
});

test('a fault of the configuration that an input finds ends the start, and nothing is left open', async (t) => {
  const world = new AgentWorld(t);
  world.doors.broken.set('bad', 'CONFIG_BAD_VALUE');
  const config = world.config([world.file('good'), world.file('bad')], [world.destination('one')]);
  await assert.rejects(
    world.open(config),
    (error) => error instanceof Fault && error.code === 'CONFIG_BAD_VALUE',
  );
  assert.equal(existsSync(config.control.socket), false);
  assert.equal(world.doors.transport('one').hasStopped, true);
  world.doors.broken.clear();
  await world.open(config);
});

test('a queue that cannot be used ends the start, and nothing is left open', async (t) => {
  const world = new AgentWorld(t);
  const config = world.config([], [world.destination('one'), world.destination('two')]);
  mkdirSync(join(world.folder, 'queue'));
  writeFileSync(join(world.folder, 'queue', 'two'), '');
  await assert.rejects(world.open(config), Fault);
  assert.equal(world.doors.transport('one').hasStopped, true);
  await world.open(world.config([], [world.destination('one')]));
});

test('two agents cannot have one queue', async (t) => {
  const world = new AgentWorld(t);
  await world.open(world.config([], [world.destination('one')]));
  const control = { socket: join(world.folder, 'other.sock'), mode: 0o600 };
  await assert.rejects(
    world.open(world.config([], [world.destination('one')], { control })),
    (error) => error instanceof Fault && error.code === 'SPOOL_IN_USE',
  );
});

test('a reload leaves alone what did not change', async (t) => {
  const world = new AgentWorld(t);
  const keep = world.destination('keep');
  const config = world.config([world.file('same'), world.file('old'), world.devlog('dev')], [keep]);
  const agent = await world.open(config);
  world.doors.input('old', 'keep').feed(records(0, 5));
  const elsewhere = { ...keep, place: { ...keep.place, line: 99 } };
  const inputs = [
    world.file('same'),
    world.file('old', ['/other']),
    world.devlog('dev'),
    world.devlog('dev2'),
  ];
  await agent.reload(world.config(inputs, [elsewhere, world.destination('new')]));
  assert.equal(world.doors.transports.length, 2);
  assert.deepEqual(
    world.doors.inputs.map(({ config: { name }, context }) => [name, context.destination?.name]),
    [
      ['same', 'keep'],
      ['old', 'keep'],
      ['dev', undefined],
      ['old', 'keep'],
      ['same', 'new'],
      ['old', 'new'],
      ['dev2', undefined],
    ],
  );
  const [, old] = world.doors.inputs;
  assert.equal(old?.saved, 5, 'its checkpoint covers all that it gave');
  world.doors.input('dev').feed(records(0, 1));
  await waitUntil('live inputs reach the new one', () => world.doors.transport('new').delivered.length === 1);
});

test('a destination that changes keeps its queue, and one that goes is said with what is left', async (t) => {
  const world = new AgentWorld(t);
  for (const name of ['moves', 'goes']) world.doors.shut.add(name);
  const inputs = [world.file('log')];
  const agent = await world.open(
    world.config(inputs, [world.destination('moves'), world.destination('goes')]),
  );
  for (const name of ['moves', 'goes']) world.doors.input('log', name).feed(records(0, 10));
  world.doors.shut.clear();
  const to = [{ scheme: 'relp', host: '192.0.2.9', port: 2514, text: 'relp://192.0.2.9:2514' }] as const;
  await agent.reload(world.config(inputs, [world.destination('moves', { to })]));
  await waitUntil('what waited is delivered', () => world.doors.transport('moves').delivered.length === 10);
  assert.equal(
    world.log.count(/^goes is no destination any more; 10 messages .* stay in .*queue\/goes\./),
    1,
  );
  assert.equal(world.log.count(/^moves is no destination/), 0);
  assert.equal(agent.status().destinations.length, 1);
  await agent.reload(world.config(inputs, [world.destination('moves', { to }), world.destination('goes')]));
  await waitUntil('and again', () => world.doors.transport('goes').delivered.length === 10);
});

test('what live inputs receive while a destination is opened anew is lost for none', async (t) => {
  const world = new AgentWorld(t);
  const inputs = [world.devlog('dev')];
  const agent = await world.open(world.config(inputs, [world.destination('one'), world.destination('two')]));
  const [before, dev] = [world.doors.transport('two'), world.doors.input('dev')];
  before.onStop = () => dev.feed(records(0, 10));
  await agent.reload(
    world.config(inputs, [world.destination('one'), world.destination('two', { window: 7 })]),
  );
  assert.notEqual(world.doors.transport('two'), before);
  for (const name of ['one', 'two'])
    await waitUntil(`${name} has all`, () => world.doors.transport(name).delivered.length === 10);
  assert.deepEqual(
    agent.status().destinations.map(({ dropped }) => dropped),
    [{}, {}],
  );
});

test('a reload that cannot be carried out changes nothing', async (t) => {
  const world = new AgentWorld(t);
  const before = world.config([world.file('log')], [world.destination('one')]);
  const agent = await world.open(before);
  writeFileSync(join(world.folder, 'queue', 'bad'), '');
  const socket = join(world.folder, 'other.sock');
  const changed = world.destination('one', { window: 7 });
  const after = world.config([world.file('log')], [changed, world.destination('bad')], {
    control: { socket, mode: 0o600 },
  });
  await assert.rejects(agent.reload(after), Fault);
  assert.equal(existsSync(socket), false);
  assert.equal(one(agent).name, 'one');
  world.doors.input('log', 'one').feed(records(0, 3));
  await waitUntil('it goes on as before', () => world.doors.transport('one').delivered.length === 3);
  assert.equal(world.doors.transport('one').config.window, 128);
  agent.reloadFailed([]);
  assert.equal(agent.status().config.failedReloads, 1);
});

test('the control socket answers, and moves with a reload', async (t) => {
  const world = new AgentWorld(t);
  const agent = await world.open(world.config([], [world.destination('one')]));
  assert.equal((await askStatus(join(world.folder, 'agent.sock'))).program, 'belfry agent');
  const control = { socket: join(world.folder, 'other.sock'), mode: 0o600 };
  await agent.reload(world.config([], [world.destination('one')], { control }));
  assert.equal((await askStatus(control.socket)).program, 'belfry agent');
  assert.equal(existsSync(join(world.folder, 'agent.sock')), false);
});

async function askStatus(path: string): Promise<{ program: string }> {
  let text = '';
  const socket = connect(path).setEncoding('utf8');
  socket.end('{"ask":"status"}\n');
  for await (const part of socket) text += String(part);
  return (JSON.parse(text) as { answer: { program: string } }).answer;
}

test('when every input has come to its end, and all is delivered, it is done', async (t) => {
  const world = new AgentWorld(t);
  world.doors.shut.add('one');
  const agent = await world.open(world.config([world.devlog('in')], [world.destination('one')]));
  let isDone = false;
  void agent.done.then(() => {
    isDone = true;
  });
  world.doors.input('in').feed(records(0, 1));
  world.doors.input('in').isAtEnd = true;
  await new Promise((done) => setTimeout(done, 1200));
  assert.equal(isDone, false, 'one message still waits');
  world.doors.transport('one').isOpen = true;
  world.doors.transport('one').wake();
  await waitUntil('it is done', () => isDone);
});
