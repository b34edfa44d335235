// A write that is cut within a line, as a full disk cuts it: the line is finished when there is room, once and
// in one piece; no other lane writes behind its head; and a file that is closed meanwhile holds whole lines.

import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { line, linesIn } from './lane-parts.ts';
import { useFolder } from './samples.ts';

const CHILD = join(import.meta.dirname, 'torn-lanes.js');

class Lanes {
  readonly path: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(t: TestContext, bytesMax: number) {
    const folder = useFolder(t);
    this.path = join(folder, 'a.log');
    const limit = [`--fsize=${bytesMax}:unlimited`, process.execPath, CHILD, folder, 'a.log'];
    this.#child = spawn('prlimit', limit, { stdio: 'pipe' });
    this.#child.stderr.pipe(process.stderr);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    t.after(() => this.#child.kill());
  }

  async tell(order: string): Promise<string> {
    this.#child.stdin.write(`${order}\n`);
    const { value } = await this.#answers.next();
    return value as string;
  }

  /** Now there is room. */
  makeRoom(): void {
    const raised = spawnSync('prlimit', ['--pid', `${this.#child.pid}`, '--fsize=unlimited']);
    assert.equal(raised.status, 0);
  }

  get text(): string {
    return readFileSync(this.path, 'utf8');
  }
}

const hasLimits = spawnSync('prlimit', ['--version']).status === 0;
const options = hasLimits ? {} : { skip: 'prlimit (util-linux) is not there' };

const one = line('the first line');
const two = line('the second line, which is cut');
const three = line('the third line');
/** The first line and ten bytes of the second. */
const CUT = one.length + 1 + 10;

async function tear(lanes: Lanes): Promise<void> {
  for (const text of [one, two, three]) assert.equal(await lanes.tell(`1 say ${text}`), 'taken');
  assert.equal(await lanes.tell('1 flush'), 'disk_full');
  assert.equal(lanes.text, `${one}\n${two.slice(0, 10)}`);
}

test('the rest of the line follows when there is room', options, async (t) => {
  const lanes = new Lanes(t, CUT);
  await tear(lanes);
  assert.equal(await lanes.tell('1 flush'), 'disk_full');
  lanes.makeRoom();
  assert.equal(await lanes.tell('1 flush'), 'well');
  assert.deepEqual(linesIn(lanes.path), [one, two, three]);
});

test('another lane does not write behind the head', options, async (t) => {
  const lanes = new Lanes(t, CUT);
  await tear(lanes);
  lanes.makeRoom();
  const theirs = line('of the other lane');
  assert.equal(await lanes.tell(`2 say ${theirs}`), 'taken');
  assert.equal(await lanes.tell('2 flush'), 'disk_full');
  assert.equal(await lanes.tell('1 flush'), 'well');
  assert.equal(await lanes.tell('2 flush'), 'well');
  assert.deepEqual(linesIn(lanes.path), [one, two, three, theirs]);
});

test('opened anew in between, the same file still has each line once', options, async (t) => {
  const lanes = new Lanes(t, CUT);
  await tear(lanes);
  await lanes.tell('1 reopen');
  assert.deepEqual(linesIn(lanes.path), [one]);
  lanes.makeRoom();
  assert.equal(await lanes.tell('1 flush'), 'well');
  assert.deepEqual(linesIn(lanes.path), [one, two, three]);
});

test(
  'moved away in between, the line is whole in the new file and in no piece in the old',
  options,
  async (t) => {
    const lanes = new Lanes(t, CUT);
    await tear(lanes);
    renameSync(lanes.path, `${lanes.path}.1`);
    await lanes.tell('1 reopen');
    lanes.makeRoom();
    assert.equal(await lanes.tell('1 flush'), 'well');
    assert.deepEqual(linesIn(`${lanes.path}.1`), [one]);
    assert.deepEqual(linesIn(lanes.path), [two, three]);
  },
);

test('after a reopen the other lane may write at once', options, async (t) => {
  const lanes = new Lanes(t, CUT);
  await tear(lanes);
  await lanes.tell('1 reopen');
  lanes.makeRoom();
  const theirs = line('of the other lane');
  await lanes.tell(`2 say ${theirs}`);
  assert.equal(await lanes.tell('2 flush'), 'well');
  assert.equal(await lanes.tell('1 flush'), 'well');
  assert.deepEqual(linesIn(lanes.path), [one, theirs, two, three]);
});

test('at the end no torn line stays behind', options, async (t) => {
  const lanes = new Lanes(t, CUT);
  await tear(lanes);
  await lanes.tell('1 stop');
  assert.deepEqual(linesIn(lanes.path), [one]);
});
