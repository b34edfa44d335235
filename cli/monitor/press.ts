// What a key does: another way of looking, and at times an order for whoever runs the screen. As in iptraf-ng where it
// has the key: s, w, f, c, x.
// Refuses: to do anything itself.

import { parseFilter } from '../../traffic/filter/parse.ts';
import type { Frame } from './frame.ts';
import type { Key } from './keys.ts';
import { type Mode, type Pivot, PIVOTS, type Sort, type ViewState } from './view.ts';

export type Order =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'redraw' }
  | { readonly kind: 'filter'; readonly filter: string | undefined }
  /** A person waits for it: the rows by another order, or going on after a pause. */
  | { readonly kind: 'look' };

export interface Pressed {
  readonly state: ViewState;
  readonly order?: Order;
}

/** What a key is pressed on: the frame that the person saw. */
export type Seen = Pick<Frame, 'rows' | 'page'> & { readonly eventsKept: number; readonly nowUs: number };

export function press(state: ViewState, key: Key, seen: Seen): Pressed {
  if (key.kind === 'interrupt') return { state, order: { kind: 'quit' } };
  if (key.kind === 'suspend') return { state, order: { kind: 'suspend' } };
  if (key.kind === 'redraw') return { state, order: { kind: 'redraw' } };
  const fresh = { ...state, note: undefined };
  switch (state.mode.kind) {
    case 'browse':
      return key.kind === 'char'
        ? pressLetter(fresh, key.char, seen)
        : { state: move(fresh, key.kind, seen) };
    case 'sort':
      return pressSort(fresh, key);
    case 'filter':
      return pressFilter(fresh, state.mode, key);
    case 'detail':
    case 'help':
      return pressPage(fresh, state.mode, key, seen);
  }
}

// ---- browsing

const PIVOT_KEYS: Readonly<Record<string, Pivot>> = { h: 'hosts', p: 'ports', o: 'processes' };

function turnTo(state: ViewState, pivot: Pivot): ViewState {
  const next = state.pivot === pivot ? 'connections' : pivot;
  return { ...state, pivot: next, narrowing: undefined, selected: undefined, at: 0, top: 0, focus: 'rows' };
}

function pressLetter(state: ViewState, char: string, seen: Seen): Pressed {
  const letter = char.toLowerCase();
  const pivot = Object.hasOwn(PIVOT_KEYS, letter) ? PIVOT_KEYS[letter] : undefined;
  if (pivot !== undefined) return { state: turnTo(state, pivot) };
  switch (letter) {
    case 'q':
    case 'x':
      return { state, order: { kind: 'quit' } };
    case 's':
      return { state: { ...state, mode: { kind: 'sort' } } };
    case '/':
      return { state: { ...state, mode: promptFor(state.filter ?? '') } };
    case ' ':
      return { state: { ...state, isPaused: !state.isPaused }, order: { kind: 'look' } };
    case 'c':
    case 'f':
      return { state: { ...state, clearedUs: seen.nowUs, note: 'What has ended is cleared.' } };
    case 'w':
      return { state: { ...state, focus: state.focus === 'rows' ? 'events' : 'rows', eventsBack: 0 } };
    case '1':
      return { state: { ...state, isOneLine: !state.isOneLine } };
    case '?':
      return { state: { ...state, mode: { kind: 'help', top: 0 } } };
    case 'j':
      return { state: move(state, 'down', seen) };
    case 'k':
      return { state: move(state, 'up', seen) };
    default:
      return { state: { ...state, note: '? shows the keys.' } };
  }
}

function promptFor(text: string): Mode {
  return { kind: 'filter', text, cursor: text.length };
}

function move(state: ViewState, key: Exclude<Key['kind'], 'char'>, seen: Seen): ViewState {
  switch (key) {
    case 'tab':
    case 'backTab': {
      const step = key === 'tab' ? 1 : PIVOTS.length - 1;
      const next = PIVOTS[(PIVOTS.indexOf(state.pivot) + step) % PIVOTS.length] ?? 'connections';
      return turnTo({ ...state, pivot: 'connections' }, next);
    }
    case 'enter':
      return enter(state, seen);
    case 'escape':
      return leave(state);
    default:
      return state.focus === 'events' ? scrollEvents(state, key, seen) : moveBar(state, key, seen);
  }
}

function steps(key: Key['kind'], page: number, all: number): number {
  switch (key) {
    case 'up':
      return -1;
    case 'down':
      return 1;
    case 'pageUp':
      return -page;
    case 'pageDown':
      return page;
    case 'home':
      return -all;
    case 'end':
      return all;
    default:
      return 0;
  }
}

function moveBar(state: ViewState, key: Key['kind'], { rows, page }: Seen): ViewState {
  const step = steps(key, page, rows.length);
  if (step === 0 || rows.length === 0) return state;
  const at = Math.max(0, Math.min(rows.length - 1, state.at + step));
  // On the first row the bar stays at the top, whichever row that becomes.
  return { ...state, at, selected: at === 0 ? undefined : rows[at]?.key };
}

function scrollEvents(state: ViewState, key: Key['kind'], { page, eventsKept }: Seen): ViewState {
  const step = steps(key, page, eventsKept);
  return { ...state, eventsBack: Math.max(0, Math.min(eventsKept - 1, state.eventsBack - step)) };
}

function enter(state: ViewState, { rows }: Seen): ViewState {
  const row = rows[state.at];
  if (row === undefined) return state;
  if (row.kind === 'connection') {
    const { flow } = row.connection.row;
    return { ...state, selected: row.key, mode: { kind: 'detail', flow, top: 0 } };
  }
  const narrowing = { pivot: state.pivot, key: row.key };
  return { ...state, pivot: 'connections', narrowing, selected: undefined, at: 0, top: 0 };
}

/** One step back: to the view that was narrowed from, or to the connections. */
function leave(state: ViewState): ViewState {
  if (state.focus === 'events') return { ...state, focus: 'rows', eventsBack: 0 };
  const { narrowing } = state;
  if (narrowing) return { ...state, pivot: narrowing.pivot, narrowing: undefined, selected: narrowing.key };
  return state.pivot === 'connections' ? state : turnTo(state, 'connections');
}

// ---- sorting

const SORT_KEYS: Readonly<Record<string, Sort>> = {
  p: 'packets',
  b: 'bytes',
  r: 'rate',
  t: 'roundTrip',
  l: 'last',
  a: 'start',
  n: 'name',
};

function pressSort(state: ViewState, key: Key): Pressed {
  const browse: ViewState = { ...state, mode: { kind: 'browse' } };
  if (key.kind !== 'char') return { state: browse };
  const letter = key.char.toLowerCase();
  const sort = Object.hasOwn(SORT_KEYS, letter) ? SORT_KEYS[letter] : undefined;
  if (sort === undefined) return { state: { ...browse, note: `Nothing is sorted by "${letter}".` } };
  const isReversed = sort === state.sort ? !state.isReversed : false;
  return {
    state: { ...browse, sort, isReversed, selected: undefined, at: 0, top: 0 },
    order: { kind: 'look' },
  };
}

// ---- the prompt for a filter

type FilterMode = Extract<Mode, { kind: 'filter' }>;
/** Longer ones are not typed. */
const FILTER_MAX = 4096;

function pressFilter(state: ViewState, mode: FilterMode, key: Key): Pressed {
  const browse: ViewState = { ...state, mode: { kind: 'browse' } };
  if (key.kind === 'escape') return { state: browse };
  if (key.kind === 'enter') return apply(browse, mode);
  const { text, cursor } = edit(mode, key);
  // An error stays to be read until the text is another.
  const error = text === mode.text ? mode.error : undefined;
  return { state: { ...state, mode: { kind: 'filter', text, cursor, ...(error ? { error } : {}) } } };
}

function apply(browse: ViewState, mode: FilterMode): Pressed {
  const parsed = parseFilter(mode.text);
  if (parsed?.error) {
    const { at, what, mend } = parsed.error;
    const error = { at, text: `${what} ${mend}` };
    return { state: { ...browse, mode: { ...mode, cursor: Math.min(at, mode.text.length), error } } };
  }
  const filter = parsed === undefined ? undefined : mode.text.trim();
  if (filter === browse.filter) return { state: browse };
  const note = filter === undefined ? 'No filter: everything is shown.' : 'The filter is in force.';
  return { state: { ...browse, filter, note }, order: { kind: 'filter', filter } };
}

function edit({ text, cursor }: FilterMode, key: Key): { text: string; cursor: number } {
  const [before, after] = [text.slice(0, cursor), text.slice(cursor)];
  switch (key.kind) {
    case 'char': {
      if (text.length + key.char.length > FILTER_MAX) return { text, cursor };
      return { text: before + key.char + after, cursor: cursor + key.char.length };
    }
    case 'backspace':
      return { text: before.slice(0, -1) + after, cursor: Math.max(0, cursor - 1) };
    case 'delete':
      return { text: before + after.slice(1), cursor };
    case 'left':
      return { text, cursor: Math.max(0, cursor - 1) };
    case 'right':
      return { text, cursor: Math.min(text.length, cursor + 1) };
    case 'home':
      return { text, cursor: 0 };
    case 'end':
      return { text, cursor: text.length };
    case 'clearLine':
      return { text: '', cursor: 0 };
    case 'wordBack': {
      const kept = before.replace(/\S*\s*$/, '');
      return { text: kept + after, cursor: kept.length };
    }
    default:
      return { text, cursor };
  }
}

// ---- pages

type PageMode = Extract<Mode, { kind: 'detail' | 'help' }>;

function pressPage(state: ViewState, mode: PageMode, key: Key, { page }: Seen): Pressed {
  if (key.kind === 'escape' || key.kind === 'enter' || key.kind === 'left') {
    return { state: { ...state, mode: { kind: 'browse' } } };
  }
  if (key.kind === 'char') {
    if (key.char === ' ') return { state: { ...state, isPaused: !state.isPaused }, order: { kind: 'look' } };
    if (/[qx?]/i.test(key.char)) return { state: { ...state, mode: { kind: 'browse' } } };
    const way = key.char === 'j' ? 1 : key.char === 'k' ? -1 : 0;
    return { state: { ...state, mode: { ...mode, top: Math.max(0, mode.top + way) } } };
  }
  const top = Math.max(0, mode.top + steps(key.kind, page, 10_000));
  return { state: { ...state, mode: { ...mode, top } } };
}
