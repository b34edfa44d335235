// What a terminal sends, as keys; and what each key does to the view.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFrame } from '../../../../cli/monitor/frame.ts';
import { type Key, KeyReader } from '../../../../cli/monitor/keys.ts';
import { type Order, press } from '../../../../cli/monitor/press.ts';
import type { Model, ViewState } from '../../../../cli/monitor/view.ts';
import { connection, model, NOW_US, view } from './rows.ts';

function read(...pieces: readonly string[]): string[] {
  const reader = new KeyReader();
  const keys = pieces.flatMap((piece) => reader.read(Buffer.from(piece)));
  return [...keys, ...reader.flush()].map((key) => (key.kind === 'char' ? key.char : `<${key.kind}>`));
}

test('letters, arrows and their like', () => {
  assert.deepEqual(read('aé \r\t\x7f\x03\x1a'), [
    'a',
    'é',
    ' ',
    '<enter>',
    '<tab>',
    '<backspace>',
    '<interrupt>',
    '<suspend>',
  ]);
  assert.deepEqual(read('\x1b[A\x1b[B\x1bOC\x1bOD'), ['<up>', '<down>', '<right>', '<left>']);
  assert.deepEqual(read('\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[3~\x1b[Z'), [
    '<pageUp>',
    '<pageDown>',
    '<home>',
    '<end>',
    '<delete>',
    '<backTab>',
  ]);
  assert.deepEqual(read('\x1b[1;5A'), ['<up>']);
});

test('a sequence that comes in pieces is one key, an Escape alone is one too', () => {
  assert.deepEqual(read('\x1b', '[', '5', '~', 'q'), ['<pageUp>', 'q']);
  assert.deepEqual(read('\xc3\xa9'), ['Ã', '©']);
  const reader = new KeyReader();
  assert.deepEqual(reader.read(Buffer.from([0xc3])), []);
  assert.deepEqual(reader.read(Buffer.from([0xa9])), [{ kind: 'char', char: 'é' }]);
  assert.deepEqual(read('\x1b'), ['<escape>']);
  assert.deepEqual(read('\x1bq'), ['<escape>', 'q']);
});

test('an unknown sequence is no letters, and a flood of half a sequence is no memory', () => {
  assert.deepEqual(read('\x1b[200~x\x1b[?62;1cy\x1bOPz'), ['x', 'y', 'z']);
  const reader = new KeyReader();
  let told = 0;
  for (let i = 0; i < 1000; i++) told += reader.read(Buffer.from(i === 0 ? '\x1b[' : '1;1;1;1;')).length;
  assert.ok(told > 7000, 'what is no sequence is not kept');
  reader.flush();
  assert.equal(reader.isWaiting, false);
});

const MANY: Model = model(
  [...Array(30).keys()].map((at) => connection(at + 1, { ipBytes: [100 - at, 0] })),
  { events: [], eventsTotal: 0 },
);

/** Presses one after the other, each on the frame that the one before led to. */
function type(
  text: string,
  from: ViewState = view(),
  seen: Model = MANY,
): { state: ViewState; orders: Order[] } {
  let state = from;
  const orders: Order[] = [];
  const reader = new KeyReader();
  const keys: Key[] = [...reader.read(Buffer.from(text)), ...reader.flush()];
  for (const key of keys) {
    const frame = makeFrame(seen, state, { size: { columns: 80, rows: 24 }, isUnicode: true });
    const pressed = press(frame.state, key, { ...frame, eventsKept: 40, nowUs: NOW_US });
    state = pressed.state;
    if (pressed.order) orders.push(pressed.order);
  }
  return { state, orders };
}

test('x, q and Ctrl-C leave', () => {
  for (const key of ['x', 'X', 'q', '\x03']) assert.deepEqual(type(key).orders, [{ kind: 'quit' }]);
  assert.deepEqual(type('?q').orders, []);
  assert.deepEqual(type('?\x03').orders, [{ kind: 'quit' }]);
  assert.deepEqual(type('/q').orders, []);
  assert.deepEqual(type('\x1a').orders, [{ kind: 'suspend' }]);
  assert.deepEqual(type('\x0c').orders, [{ kind: 'redraw' }]);
});

test('s and a letter sort; the same again turns it round', () => {
  const sorted = type('sp');
  assert.deepEqual(
    [sorted.state.sort, sorted.state.isReversed, sorted.state.mode.kind],
    ['packets', false, 'browse'],
  );
  assert.deepEqual(sorted.orders, [{ kind: 'look' }]);
  assert.deepEqual([type('spsp').state.isReversed, type('spspsp').state.isReversed], [true, false]);
  assert.deepEqual(
    ['b', 'r', 't', 'l', 'a', 'n'].map((letter) => type(`s${letter}`).state.sort),
    ['bytes', 'rate', 'roundTrip', 'last', 'start', 'name'],
  );
  assert.match(type('sz').state.note ?? '', /"z"/);
  assert.equal(type('s\x1b').state.mode.kind, 'browse');
});

test('a filter is typed, corrected, refused with its place, and taken', () => {
  const wrong = type('/port 25x\r');
  assert.deepEqual(wrong.orders, []);
  assert.equal(wrong.state.filter, undefined);
  const { mode } = wrong.state;
  assert.equal(mode.kind === 'filter' && mode.error?.at, 5);
  assert.equal(mode.kind === 'filter' && mode.cursor, 5);
  const edited = type('\x1b[4~\x7f', wrong.state).state.mode;
  assert.equal(edited.kind === 'filter' ? edited.error : 'none', undefined);
  const right = type('\x1b[4~\x7f25\r', wrong.state);
  assert.deepEqual(right.orders, [{ kind: 'filter', filter: 'port 2525' }]);
  assert.deepEqual([right.state.filter, right.state.mode.kind], ['port 2525', 'browse']);
  assert.equal(type('/\x1b', right.state).state.filter, 'port 2525');
  assert.deepEqual(type('/\x15\r', right.state).orders, [{ kind: 'filter', filter: undefined }]);
  assert.deepEqual(type('/ \r', right.state).orders, []);
  assert.deepEqual(type('/\x01not \r', right.state).orders, [{ kind: 'filter', filter: 'not port 2525' }]);
  assert.deepEqual(type('/\x1777\r', right.state).orders, [{ kind: 'filter', filter: 'port 77' }]);
});

test('the bar moves by rows and pages, and stays at the top until it is moved', () => {
  assert.equal(type('').state.selected, undefined);
  assert.equal(type('jj').state.selected, '3');
  assert.equal(type('jjk').state.selected, '2');
  assert.equal(type('\x1b[6~').state.selected, '7');
  assert.equal(type('\x1b[4~').state.selected, '30');
  assert.equal(type('\x1b[4~\x1b[H').state.selected, undefined);
  assert.equal(type('k').state.at, 0);
});

test('h, p, o and Tab turn to the other views; Enter narrows, Esc goes back', () => {
  assert.deepEqual(
    ['h', 'p', 'o', 'hh', '\t', '\t\t\t\t', '\x1b[Z'].map((keys) => type(keys).state.pivot),
    ['hosts', 'ports', 'processes', 'connections', 'hosts', 'connections', 'processes'],
  );
  const narrowed = type('hj\r').state;
  assert.deepEqual(
    [narrowed.pivot, narrowed.narrowing],
    ['connections', { pivot: 'hosts', key: '10.0.0.2' }],
  );
  const back = type('\x1b', narrowed).state;
  assert.deepEqual([back.pivot, back.narrowing, back.selected], ['hosts', undefined, '10.0.0.2']);
  assert.equal(type('\x1b', back).state.pivot, 'connections');
});

test('Enter shows the connection that the bar stands on', () => {
  const { mode, selected } = type('jj\r').state;
  assert.deepEqual([mode, selected], [{ kind: 'detail', flow: 3, top: 0 }, '3']);
  assert.equal(type('jj\rq').state.mode.kind, 'browse');
  assert.equal(type('\r', view(), model([])).state.mode.kind, 'browse');
});

test('pause, clear, one line, the other window, an unknown key', () => {
  assert.deepEqual([type(' ').state.isPaused, type('  ').state.isPaused], [true, false]);
  assert.equal(type('c').state.clearedUs, NOW_US);
  assert.equal(type('f').state.clearedUs, NOW_US);
  assert.equal(type('1').state.isOneLine, true);
  const scrolled = type('wkkk').state;
  assert.deepEqual([scrolled.focus, scrolled.eventsBack, scrolled.selected], ['events', 3, undefined]);
  assert.equal(type('wkkkj').state.eventsBack, 2);
  assert.equal(type('w\x1b[H').state.eventsBack, 39);
  assert.equal(type('w\x1b').state.focus, 'rows');
  assert.match(type('§').state.note ?? '', /\?/);
  assert.equal(type('§j').state.note, undefined);
});
