// What the service manager is told in the life of a program: a manager and threads of the test's own.

import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import type { Beat } from '../../../base/pulse.ts';
import { openLog } from '../../../base/log.ts';
import { ServerSentence } from '../../../cli/server-sentence.ts';
import { VitalSigns } from '../../../cli/vital-signs.ts';
import type { Notify } from '../../../kernel/notify.ts';

const WATCHDOG_MS = 20_000;

class World {
  readonly told: string[] = [];
  log = '';
  beats: Beat[] = [{ name: 'lane 1', beats: 1 }];
  nowMs = 0;
  readonly signs: VitalSigns;

  constructor(t: TestContext, watchdog: number | 'none' = WATCHDOG_MS) {
    mock.timers.enable({ apis: ['setInterval'] });
    mock.method(performance, 'now', () => this.nowMs);
    t.after(() => {
      mock.timers.reset();
      mock.restoreAll();
    });
    const tell = (what: string) => this.told.push(what) > 0;
    const notify: Pick<Notify, 'ready' | 'reloading' | 'stopping' | 'alive' | 'isHeard' | 'watchdogMs'> = {
      isHeard: true,
      watchdogMs: watchdog === 'none' ? undefined : watchdog,
      ready: (status) => tell(`ready: ${status}`),
      reloading: () => tell('reloading'),
      stopping: (status) => tell(`stopping: ${status}`),
      alive: () => tell('alive'),
    };
    const log = openLog('info', 'text', (text) => {
      this.log += text;
    });
    const patient = { sentence: () => 'fine', beats: () => this.beats };
    this.signs = new VitalSigns(notify as Notify, patient, log);
  }

  /** Second by second; `live`: the lane does something meanwhile. */
  pass(seconds: number, live: boolean): void {
    for (let i = 0; i < seconds; i += 1) {
      this.nowMs += 1000;
      if (live) this.beats = this.beats.map(({ name, beats }) => ({ name, beats: beats + 1 }));
      mock.timers.tick(1000);
    }
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

test('signs of life begin at once and come four times in the time that is waited', (t) => {
  const world = new World(t);
  world.pass(20, true);
  assert.deepEqual(world.take(), ['alive', 'alive', 'alive', 'alive']);
});

test('the state is told when it changes, and again every ten seconds', async (t) => {
  const world = new World(t, 'none');
  world.pass(60, true);
  assert.deepEqual(world.take(), []);
  world.signs.ready();
  world.pass(20, true);
  assert.deepEqual(world.take(), ['ready: fine', 'ready: fine', 'ready: fine']);
  await world.signs.reloading(async () => {
    world.pass(20, true);
    world.told.push('work');
  });
  assert.deepEqual(world.take(), ['reloading', 'work', 'ready: fine']);
  world.pass(10, true);
  assert.deepEqual(world.take(), ['ready: fine']);
  world.signs.stopping('Writing.');
  world.pass(20, true);
  assert.deepEqual(world.take(), ['stopping: Writing.']);
});

test('a stop during a reload stays a stop', async (t) => {
  const world = new World(t, 'none');
  world.signs.ready();
  await world.signs.reloading(async () => world.signs.stopping('Writing.'));
  assert.deepEqual(world.take(), ['ready: fine', 'reloading', 'stopping: Writing.']);
});

test('a reload that breaks is over all the same', async (t) => {
  const world = new World(t, 'none');
  world.signs.ready();
  await assert.rejects(world.signs.reloading(() => Promise.reject(new Error('bug'))));
  assert.deepEqual(world.take(), ['ready: fine', 'reloading', 'ready: fine']);
});

test('a thread that hangs is said once, and nothing is told alive until it lives again', (t) => {
  const world = new World(t);
  world.pass(5, true);
  world.take();
  world.pass(5, false);
  assert.deepEqual(world.take(), ['alive'], 'not longer than half of what the manager waits');
  world.pass(60, false);
  assert.deepEqual(world.take(), []);
  assert.equal(world.log.split('No sign of life from lane 1').length, 2, world.log);
  world.pass(5, true);
  assert.deepEqual(world.take(), ['alive']);
});

test('while it stops, threads may end; the signs go on to the end', (t) => {
  const world = new World(t);
  world.signs.stopping('Writing.');
  world.pass(60, false);
  assert.equal(world.take().filter((what) => what === 'alive').length, 12);
  world.signs.end();
  world.pass(60, false);
  assert.deepEqual(world.take(), []);
});

test('a short watchdog does not find a quiet thread dead', (t) => {
  const world = new World(t, 1000);
  world.pass(2, false);
  assert.equal(world.take().length, 8);
  world.pass(2, false);
  assert.ok(world.take().length < 8);
});

test('a server in one sentence', () => {
  const sentence = new ServerSentence(0);
  const told = (received: number, full: number) => ({
    messages: { received, dropped: { disk_full: full, kernel: 2 } },
    senders: { known: 1, silent: 0 },
    files: { troubledCount: 0 },
    config: { failedReloads: 0 },
  });
  type Told = Parameters<typeof sentence.tell>[0];
  const tell = (value: object, atMs: number) => sentence.tell(value as Told, atMs);
  assert.equal(tell({ ...told(0, -2) }, 0), '0 messages/s from 1 host, 0 since the start; nothing lost');
  const busy = { ...told(12_000, 3), senders: { known: 3, silent: 1 } };
  assert.equal(
    tell({ ...busy, files: { troubledCount: 1 }, config: { failedReloads: 2 } }, 10_000),
    '1,200 messages/s from 3 hosts (1 silent), 12,000 since the start; 5 LOST; 1 file CANNOT BE WRITTEN; 2 reloads refused',
  );
  assert.match(tell(told(12_010, 0), 20_000), /^1 messages\/s/);
});
