// An input that starts late, starts again, or must not start any more; queues that nobody reads; a stop that
// does not wait for ever.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import { endsBy } from '../../../base/deadline.ts';
import type { Input } from '../../../client/inputs/input.ts';
import { findOrphans } from '../../../client/orphans.ts';
import { RunningInput } from '../../../client/running-input.ts';
import { waitUntil } from '../../system/programs.ts';
import { SpoolLog } from '../delivery/use-spool.ts';
import { AgentWorld, FakeInput, records } from './agent-parts.ts';

const NO_SINK = { put: () => 0, taken: 0, safe: () => 0 };

/** Fails so often, with this code, before it starts. */
function flaky(world: AgentWorld, failures: number, code: Fault['code'] = 'LISTEN_FAILED') {
  const log = new SpoolLog();
  const opened: FakeInput[] = [];
  const config = world.devlog('dev');
  const open = (): Input => {
    const agent = world.config([config], []);
    const input = new FakeInput(config, NO_SINK, { agent, destination: undefined });
    opened.push(input);
    if (opened.length > failures) return input;
    return Object.assign(input, {
      start: () => Promise.reject(new Fault(code, { what: 'It is not there.', mend: 'Make it.' })),
    });
  };
  const running = new RunningInput({ config, destination: undefined, sink: NO_SINK, log, retryMs: 5, open });
  return { running, log, opened };
}

test('an input is tried until it starts; why it does not is said once', async (t) => {
  const { running, log, opened } = flaky(new AgentWorld(t), 3);
  await running.start();
  assert.equal(running.status().trouble, 'It is not there. Make it.');
  assert.equal(running.status().position, 'not started');
  await waitUntil('it starts', () => opened.at(-1)?.hasStarted === true);
  await waitUntil('it is said', () => log.count(/works now/) === 1);
  assert.equal(opened.length, 4);
  assert.ok(
    opened.slice(0, 3).every(({ saved }) => saved !== undefined),
    'what failed was stopped',
  );
  assert.deepEqual([log.count(/It is not there/), log.count(/does not run/)], [1, 1]);
  assert.equal(running.status().trouble, undefined);
  await running.stop();
});

test('what was stopped does not start again', async (t) => {
  const { running, opened } = flaky(new AgentWorld(t), 1000);
  await running.start();
  await running.stop();
  const count = opened.length;
  await new Promise((done) => setTimeout(done, 30));
  assert.equal(opened.length, count);
  await running.start();
  assert.equal(opened.length, count);
});

test('a stop that comes while it starts ends it', async (t) => {
  const world = new AgentWorld(t);
  const { running, opened } = flaky(world, 0);
  const starting = running.start();
  await running.stop();
  await starting;
  assert.equal(opened[0]?.saved, 0);
});

test('a fault of the configuration is thrown at the first start', async (t) => {
  const { running, log } = flaky(new AgentWorld(t), 1, 'CONFIG_BAD_VALUE');
  await assert.rejects(running.start(), Fault);
  assert.equal(log.said.length, 0);
  await running.stop();
});

test('what the system refuses is trouble of that input; a bug is a bug', async (t) => {
  const world = new AgentWorld(t);
  const config = world.devlog('dev');
  const log = new SpoolLog();
  const make = (error: Error) =>
    new RunningInput({
      config,
      destination: undefined,
      sink: NO_SINK,
      log,
      open: () => {
        throw error;
      },
    });
  const refused = make(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
  await refused.start();
  assert.match(refused.status().trouble ?? '', /EMFILE: too many open files/);
  await refused.stop();
  await assert.rejects(make(new TypeError('x is not a function')).start(), TypeError);
});

test('queues beside those that are configured are found, if something waits in them', async (t) => {
  const world = new AgentWorld(t);
  for (const name of ['old', 'done']) world.doors.shut.add(name);
  const inputs = [world.file('log')];
  const agent = await world.open(world.config(inputs, [world.destination('old'), world.destination('done')]));
  world.doors.input('log', 'old').feed(records(0, 7));
  await agent.stop(1000);
  const queue = join(world.folder, 'queue');
  mkdirSync(join(queue, 'stranger', 'records'), { recursive: true });
  writeFileSync(join(queue, 'file'), '');
  const directories = [join(queue, 'one'), '/nowhere/at/all'];
  assert.deepEqual(findOrphans(directories), [{ directory: join(queue, 'old'), waiting: 7 }]);
  assert.deepEqual(findOrphans([join(queue, 'old')]), []);
  await world.open(world.config(inputs, [world.destination('one')]));
  await waitUntil(
    'it is said',
    () => world.log.count(/^7 messages wait in \S*\/queue\/old for no destination/) === 1,
  );
});

test('a stop waits for what ends, and not for what hangs', async () => {
  assert.equal(await endsBy(Date.now() + 10_000, Promise.resolve()), true);
  assert.equal(await endsBy(Date.now() - 5, new Promise(() => undefined)), false);
  await assert.rejects(endsBy(Date.now() + 10_000, Promise.reject(new Error('broken'))), /broken/);
});
