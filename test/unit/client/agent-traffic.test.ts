// Watching connections as a part of the agent: beside inputs and destinations, through reloads, with a log alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentWorld, records } from './agent-parts.ts';
import { TRAFFIC } from './traffic-parts.ts';

test('it is an input that exists once and leads to every destination', async (t) => {
  const world = new AgentWorld(t);
  const destinations = [world.destination('one'), world.destination('two')];
  const agent = await world.open(world.config([], destinations, { traffic: TRAFFIC }));
  world.doors.input('traffic').feed(records(0, 3));
  const { inputs } = agent.status();
  assert.deepEqual(
    inputs.map(({ name, type, destination }) => [name, type, destination]),
    [['traffic', 'traffic', null]],
  );
  assert.deepEqual(
    agent.status().destinations.map(({ appended }) => appended),
    [3, 3],
  );
  assert.equal(world.doors.inputs.length, 1);
});

test('a reload leaves it alone unless it changes, or what it must know does', async (t) => {
  const world = new AgentWorld(t);
  const one = world.destination('one');
  const config = (traffic: typeof TRAFFIC | undefined, destinations = [one], host = 'web1') =>
    world.config([], destinations, { traffic, host });
  const agent = await world.open(config(TRAFFIC));
  const watching = () => world.doors.input('traffic');
  const first = watching();
  await agent.reload(
    config({ ...TRAFFIC, place: { ...TRAFFIC.place, line: 99 } }, [one, world.destination('two')]),
  );
  assert.equal(watching(), first, 'another place in the file is no change');
  assert.deepEqual([first.hasStopped, first.reopened], [false, 1], 'its log is opened anew all the same');
  agent.reloadFailed([]);
  await agent.reload(config(TRAFFIC));
  assert.equal(first.reopened, 3, 'also when the configuration was not taken');
  await agent.reload(config({ ...TRAFFIC, filter: 'port 1' }));
  const second = watching();
  assert.notEqual(second, first);
  assert.ok(first.hasStopped && second.hasStarted);
  const datagrams = world.destination('three', {
    to: [{ scheme: 'udp', host: '192.0.2.1', port: 514, text: 'udp://192.0.2.1:514' }],
  });
  await agent.reload(config({ ...TRAFFIC, filter: 'port 1' }, [one, datagrams]));
  const third = watching();
  assert.notEqual(third, second, 'it must know its own delivery');
  await agent.reload(config({ ...TRAFFIC, filter: 'port 1' }, [one, datagrams], 'web2'));
  assert.notEqual(watching(), third, 'its messages have another host');
  await agent.reload(config(undefined));
  assert.ok(watching().hasStopped);
  assert.deepEqual(agent.status().inputs, []);
});

test('without a destination it goes on, since it has a log of its own', async (t) => {
  const world = new AgentWorld(t);
  const agent = await world.open(world.config([], [], { traffic: TRAFFIC }));
  const watching = world.doors.input('traffic');
  watching.feed(records(0, 5));
  assert.deepEqual([watching.held.length, agent.status().inputs[0]?.isHeld], [0, false]);
  await agent.reload(world.config([], [world.destination('one')], { traffic: TRAFFIC }));
  assert.equal(world.doors.input('traffic'), watching);
  watching.feed(records(5, 2));
  assert.equal(agent.status().destinations[0]?.appended, 2);
});

test('it cannot start: the rest runs, and the status says why', async (t) => {
  const world = new AgentWorld(t);
  world.doors.broken.set('traffic', 'INPUT_PERMISSION');
  const agent = await world.open(
    world.config([world.devlog('dev')], [world.destination('one')], { traffic: TRAFFIC }),
  );
  const { inputs, traffic } = agent.status();
  assert.equal(traffic, null);
  assert.match(inputs.find(({ type }) => type === 'traffic')?.trouble ?? '', /There is no such thing/);
  assert.ok(world.doors.input('dev').hasStarted);
});
