// The live view at work, with a source and a stage of the test's own.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Key } from '../../../../cli/monitor/keys.ts';
import { LiveScreen, type Stage } from '../../../../cli/monitor/live-screen.ts';
import type { Source } from '../../../../cli/monitor/source.ts';
import { lineText } from '../../../../cli/monitor/text.ts';
import type { SnapshotOrder } from '../../../../client/monitor/capture.port.ts';
import { waitUntil } from '../../../system/programs.ts';
import { NC, NOW_US, row } from './rows.ts';

class World implements Stage {
  readonly screen: LiveScreen;
  readonly did: string[] = [];
  readonly looks: (readonly [SnapshotOrder, number])[] = [];
  drawn: string[] = [];
  frames = 0;
  /** The terminal takes what is drawn. */
  isFast = true;
  packets = 1;
  trouble: string | undefined;

  constructor(t: TestContext, filter?: string) {
    const source: Source = {
      counts: () => ({ packets: this.packets, bytes: 100, dropped: 0, flows: 1, evicted: 0, unheard: 0 }),
      interfaces: () => [],
      snapshot: (order, rowsMax) => {
        this.looks.push([order, rowsMax]);
        return Promise.resolve({
          timeUs: NOW_US,
          rows: [row(1, { packets: [this.packets, 0] })],
          flows: 1,
        });
      },
      setFilter: (text) => void this.did.push(`filter ${text}`),
      ownersOf: () => Promise.resolve(NC),
      ownersTrouble: () => this.trouble,
    };
    this.screen = new LiveScreen(source, this, { filter, watched: 'lo', log: undefined });
    t.after(() => this.screen.stop());
  }

  draw(lines: Parameters<Stage['draw']>[0]): boolean {
    if (!this.isFast) return false;
    this.frames += 1;
    this.drawn = lines.map(lineText);
    return true;
  }

  look() {
    return { size: { columns: 80, rows: 24 }, isUnicode: true };
  }

  redraw(): void {
    this.did.push('redraw');
  }

  suspend(): void {
    this.did.push('suspend');
  }

  quit(): void {
    this.did.push('quit');
  }

  type(text: string): void {
    for (const char of text) {
      const key: Key = char === '\r' ? { kind: 'enter' } : { kind: 'char', char };
      this.screen.key(key);
    }
  }

  async until(pattern: RegExp): Promise<void> {
    await waitUntil(String(pattern), () => pattern.test(this.drawn.join('\n')));
  }
}

test('it looks, asks whose it is, and draws; again and again', async (t) => {
  const world = new World(t);
  world.screen.start();
  await world.until(/41001 += {5}1 [^]*nc\[812\]/);
  assert.deepEqual(world.looks[0], ['bytes', 1000]);
  world.packets = 77;
  await world.until(/41001 += {4}77 /);
});

test('an event is drawn soon, a thousand of them in few frames', async (t) => {
  const world = new World(t);
  world.screen.start();
  await world.until(/41001/);
  const before = world.frames;
  for (let i = 0; i < 1000; i++) world.screen.event(row(i, { turn: 'reset', by: 'server' }), NC);
  world.screen.event(row(5, { turn: 'closed', isHeldBack: true }), NC);
  world.screen.losses({ timeUs: NOW_US, dropped: 3, evicted: 0, heldBack: {} });
  world.screen.interface({ name: 'eth1', state: 'absent', trouble: undefined });
  world.screen.trouble('The disk is full.');
  await world.until(
    /Events: 1003[^]*reset by the server[^]*3 packets dropped[^]*eth1 is absent[^]*disk is full/,
  );
  assert.ok(world.frames - before < 5, String(world.frames - before));
});

test('paused it stands still while all goes on, and then shows what is now', async (t) => {
  const world = new World(t);
  world.screen.start();
  await world.until(/41001/);
  world.type(' ');
  assert.match(world.drawn[0] ?? '', /PAUSED/);
  const looks = world.looks.length;
  world.packets = 55;
  world.screen.event(row(1, { turn: 'reset', by: 'server' }), NC);
  await waitUntil('two more looks', () => world.looks.length >= looks + 2);
  assert.doesNotMatch(world.drawn.join('\n'), / 55 |reset/);
  world.type('h');
  assert.match(world.drawn[1] ?? '', /^ Host/);
  world.type('h ');
  await world.until(/41001 += {4}55 [^]*reset by the server/);
});

test('keys reach the source and the stage', async (t) => {
  const world = new World(t, 'udp');
  world.screen.start();
  world.type('sl');
  await waitUntil('a look by the last packet', () => world.looks.some(([order]) => order === 'last'));
  world.type('o');
  await waitUntil('a look for sums', () => world.looks.some(([, rows]) => rows === 4000));
  world.screen.key({ kind: 'char', char: '/' });
  world.screen.key({ kind: 'clearLine' });
  world.type('port 9\r');
  assert.match(world.drawn.join('\n'), /filter: port 9[^]*Filter: port 9/);
  world.screen.key({ kind: 'suspend' });
  world.screen.key({ kind: 'redraw' });
  world.type('q');
  assert.deepEqual(world.did, ['filter port 9', 'suspend', 'redraw', 'quit']);
});

test('a terminal that is slow loses frames, and gets the last one', async (t) => {
  const world = new World(t);
  world.isFast = false;
  world.screen.start();
  for (let i = 0; i < 50; i++) world.screen.event(row(i, { turn: 'reset', by: 'server' }), NC);
  await waitUntil('it looks all the same', () => world.looks.length >= 2);
  assert.equal(world.frames, 0);
  world.isFast = true;
  await world.until(/Events: 50/);
});

test('what cannot be told of owners is said at the start, and on the page of help', async (t) => {
  const world = new World(t);
  world.trouble = 'CAP_NET_ADMIN is missing.';
  world.screen.start();
  await world.until(/Processes: CAP_NET_ADMIN is missing/);
  world.type('?');
  world.screen.key({ kind: 'end' });
  await world.until(/What is missing here[^]*CAP_NET_ADMIN/);
});

test('stopped it does nothing more', async (t) => {
  const world = new World(t);
  world.screen.start();
  await world.until(/41001/);
  world.screen.stop();
  const { frames } = world;
  world.screen.event(row(1, { turn: 'reset' }), NC);
  world.type('h');
  await new Promise((done) => setTimeout(done, 150));
  assert.equal(world.frames, frames);
});
