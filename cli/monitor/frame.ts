// One whole screen from what was seen, how a person looks at it, and the size: lines of exactly that width, exactly that
// many. Title, table, events, totals, keys; what does not fit gives way in the order events, keys, title.
// Refuses: to change anything. What the bar and the top of the list become is given back beside the lines.

import { connectionLines, connectionsIn, headingLine, layOut, type TableLayout } from './connection-table.ts';
import { detailLines, wrapLines } from './detail.ts';
import { helpLines } from './help.ts';
import { pivotHeading, pivotLine } from './pivot-table.ts';
import { promptLines } from './prompt.ts';
import { type Listed, listRows, settle } from './rows.ts';
import {
  bothEnds,
  clockText,
  fitLine,
  type Line,
  lineWidth,
  short,
  type Span,
  span,
  type Style,
} from './text.ts';
import type { Connection, Model, Size, Sort, ViewState } from './view.ts';

export interface Frame {
  readonly lines: readonly Line[];
  /** Settled: the bar is in sight. */
  readonly state: ViewState;
  readonly rows: readonly Listed[];
  /** How many rows a page has. */
  readonly page: number;
}

const SMALLEST: Size = { columns: 20, rows: 5 };
/** Below it there is no lower window. */
const EVENTS_FROM_ROWS = 14;
/** As iptraf-ng shares the height. */
const TABLE_SHARE = 0.6;

interface Letters {
  readonly brackets: readonly [string, string, string];
  readonly rule: string;
}
const DRAWN: Letters = { brackets: ['┌', '└', ' '], rule: '─' };
const ASCII: Letters = { brackets: ['/', '\\', ' '], rule: '-' };

export interface Look {
  readonly size: Size;
  /** Whether the terminal has letters beyond ASCII. */
  readonly isUnicode: boolean;
}

const SORT_WORDS: Readonly<Record<Sort, string>> = {
  bytes: 'bytes',
  packets: 'packets',
  rate: 'rate',
  roundTrip: 'round trip',
  last: 'last packet',
  start: 'age',
  name: 'name',
};

interface Parts {
  readonly model: Model;
  readonly state: ViewState;
  readonly width: number;
  readonly letters: Letters;
}

export function makeFrame(model: Model, state: ViewState, look: Look): Frame {
  const { columns: width, rows: height } = look.size;
  if (width < SMALLEST.columns || height < SMALLEST.rows) {
    const lines = Array.from({ length: height }, (_, at) =>
      fitLine([span(at === 0 ? 'too small; q: quit' : '')], width),
    );
    return { lines, state, rows: [], page: 1 };
  }
  const parts = { model, state, width, letters: look.isUnicode ? DRAWN : ASCII };
  if (state.mode.kind === 'detail' || state.mode.kind === 'help') return makePage(parts, height);
  return makeBrowser(parts, height);
}

// ---- the table and the events

function makeBrowser(parts: Parts, height: number): Frame {
  const { model, width } = parts;
  const bottom = bottomLines(parts);
  const middle = height - 2 - bottom.length;
  const hasEvents = height >= EVENTS_FROM_ROWS;
  const layout = layOut(width, parts.state.isOneLine);
  const tableHeight = hasEvents ? heightOfTable(height - 5, layout, parts.state) : middle;
  const eventsHeight = Math.max(0, middle - tableHeight - 1);
  const page = parts.state.pivot === 'connections' ? connectionsIn(tableHeight, layout) : tableHeight;
  const rows = listRows(model, parts.state);
  const state = settle(parts.state, rows, Math.max(1, page));
  const settled = { ...parts, state };
  const heading =
    state.pivot === 'connections' ? headingLine(layout, width) : pivotHeading(state.pivot, width);
  const table = tableLines(settled, rows, page, layout);
  const lines = [titleLine(settled), heading, ...padLines(table, tableHeight, width)];
  if (hasEvents) lines.push(dividerLine(settled), ...eventLines(settled, eventsHeight));
  return { lines: [...lines, ...bottom].slice(0, height), state, rows, page: Math.max(1, page) };
}

/** Even where a connection has two lines, and the same whether or not a prompt stands below. */
function heightOfTable(middle: number, layout: TableLayout, state: ViewState): number {
  const wanted = Math.ceil(middle * TABLE_SHARE);
  return layout.isOneLine || state.pivot !== 'connections' ? wanted : wanted - (wanted % 2);
}

function padLines(lines: readonly Line[], height: number, width: number): Line[] {
  return Array.from({ length: Math.max(0, height) }, (_, at) => lines[at] ?? fitLine([], width));
}

function tableLines(
  parts: Parts,
  rows: readonly Listed[],
  page: number,
  layout: TableLayout,
): readonly Line[] {
  const { state, width, letters } = parts;
  if (rows.length === 0)
    return [[], fitLine([span(`  ${emptyText(parts)}`, 'dim')], width)].map((line) => fitLine(line, width));
  return rows.slice(state.top, state.top + page).flatMap((row, at) => {
    const isSelected = state.focus === 'rows' && state.top + at === state.at;
    if (row.kind === 'pivot') return [pivotLine(row.pivot, isSelected, width)];
    return connectionLines(row.connection, layout, width, { isSelected, brackets: letters.brackets });
  });
}

function emptyText({ model, state }: Parts): string {
  if (model.snapshot === undefined) return 'Waiting for the first look.';
  if (state.narrowing) return 'Nothing of it is left. Esc shows all connections.';
  if (model.connections.length > 0) return 'Nothing but what was cleared.';
  return state.filter === undefined
    ? 'No packet has passed yet.'
    : `No packet has passed the filter "${state.filter}" yet.`;
}

// ---- lines around them

/** What is watched and what is left out matter most; where they need the room, the order and the name go. */
function titleLine({ model, state, width }: Parts): Line {
  const troubled = model.interfaces.filter((one) => one.state !== 'captured');
  const what = [
    span(` ${model.watched}`),
    ...troubled.map((one) => span(` ${one.name} ${one.state}`, 'bad')),
    ...(state.filter === undefined ? [] : [span(`  filter: ${state.filter}`, 'accent')]),
    ...(state.narrowing ? [span(`  only ${state.narrowing.key}`, 'warn')] : []),
  ];
  const clock = [state.isPaused ? span('  PAUSED ', 'bar') : span(`  ${clockText(model.nowUs)} `)];
  const order = span(`  by ${SORT_WORDS[state.sort]}${state.isReversed ? ', reversed' : ''}`, 'dim');
  const [long, brief] = [span(' belfry monitor ', 'strong'), span(' belfry ', 'strong')];
  const tries = [
    { left: [long, ...what], right: [order, ...clock] },
    { left: [brief, ...what], right: [order, ...clock] },
    { left: [brief, ...what], right: clock },
    { left: what, right: clock },
  ];
  const fits = tries.find(({ left, right }) => lineWidth(left) + lineWidth(right) <= width);
  const { left, right } = fits ?? { left: what, right: clock };
  return bothEnds(left, right, width);
}

function dividerLine({ model, state, width, letters }: Parts): Line {
  const back = state.eventsBack > 0 ? `, ${state.eventsBack} newer below` : '';
  const log = model.log === undefined ? '' : `, log ${model.log}`;
  const word = ` Events: ${model.eventsTotal}${back}${log} `;
  const style: Style = state.focus === 'events' ? 'strong' : 'dim';
  return fitLine(
    [span(letters.rule, 'dim'), span(word, style), span(letters.rule.repeat(width), 'dim')],
    width,
  );
}

const TONES: Readonly<Record<'plain' | 'good' | 'warn' | 'bad', Style>> = {
  plain: 'plain',
  good: 'good',
  warn: 'warn',
  bad: 'bad',
};

function eventLines({ model, state, width }: Parts, height: number): readonly Line[] {
  const end = Math.max(Math.min(height, model.events.length), model.events.length - state.eventsBack);
  const lines = model.events
    .slice(Math.max(0, end - height), end)
    .map((event) =>
      fitLine([span(` ${clockText(event.timeUs)} `, 'dim'), span(event.text, TONES[event.tone])], width),
    );
  return padLines(lines, height, width);
}

function totalsLine({ model, width }: Parts): Line {
  const { totals, connections } = model;
  const open = connections.filter(({ row }) => !row.isEnded).length;
  const ended = connections.length - open;
  const count =
    totals.flows > connections.length
      ? `${connections.length} of ${totals.flows} connections`
      : `${open} open, ${ended} ended`;
  const left = [
    span(` ${count}`, 'strong'),
    span(`  ${short(totals.packets)} packets  ${short(totals.bytes)} bytes`),
    ...(width < 60 ? [] : [span(`  ${short(totals.bitsPerSecond)} bit/s`)]),
    ...(totals.evicted > 0 ? [span(`  ${short(totals.evicted)} forgotten`, 'warn')] : []),
  ];
  const drops = span(` Drops: ${totals.dropped} `, totals.dropped > 0 ? 'bad' : 'plain');
  return bothEnds(left, [drops], width);
}

/** What fits is shown, from the left; how to leave and where the rest stands come first. */
const HINTS: readonly (readonly [key: string, does: string])[] = [
  ['q', 'quit'],
  ['?', 'help'],
  ['s', 'sort'],
  ['/', 'filter'],
  ['Space', 'pause'],
  ['Enter', 'detail'],
  ['h p o', 'pivots'],
  ['c', 'clear'],
  ['w', 'events'],
];
const SORT_HINT = 'Sort by: p packets  b bytes  r rate  t round trip  l last  a age  n name';
const PAGE_HINT = 'up down scroll  Esc or q back';

function keyHints(width: number): Line {
  const line: Span[] = [];
  let used = 0;
  for (const [key, does] of HINTS) {
    const length = key.length + does.length + 3;
    if (used + length > width) break;
    used += length;
    line.push(span(` ${key}`, 'accent'), span(` ${does} `, 'dim'));
  }
  return fitLine(line, width);
}

function hintsLine({ state, width }: Parts): Line {
  if (state.note !== undefined) return fitLine([span(` ${state.note}`, 'warn')], width);
  if (state.mode.kind === 'sort') return fitLine([span(` ${SORT_HINT}`, 'accent')], width);
  return keyHints(width);
}

/** The totals are always there; above them a prompt, below them the keys. */
function bottomLines(parts: Parts): readonly Line[] {
  if (parts.state.mode.kind === 'filter')
    return [...promptLines(parts.state.mode, parts.width), totalsLine(parts)];
  return [totalsLine(parts), hintsLine(parts)];
}

// ---- pages of their own

function makePage(parts: Parts, height: number): Frame {
  const { state, width } = parts;
  const whole =
    state.mode.kind === 'help'
      ? wrapLines(helpLines(width, parts.model.ownersTrouble), width)
      : detailOf(parts);
  const room = height - 3;
  const wanted = state.mode.kind === 'detail' || state.mode.kind === 'help' ? state.mode.top : 0;
  const top = Math.max(0, Math.min(wanted, whole.length - room));
  const below = whole.length - top - room;
  const more = below > 0 ? `${below} more below  ` : '';
  const lines = [
    titleLine(parts),
    ...padLines(whole.slice(top, top + room), room, width),
    totalsLine(parts),
    fitLine([span(` ${more}${PAGE_HINT}`, 'dim')], width),
  ];
  const mode = state.mode.kind === 'browse' ? state.mode : { ...state.mode, top };
  return { lines, state: { ...state, mode } as ViewState, rows: [], page: room };
}

function detailOf({ model, state, width }: Parts): readonly Line[] {
  if (state.mode.kind !== 'detail') return [];
  const { flow } = state.mode;
  const now = model.connections.find(({ row }) => row.flow === flow);
  const connection: Connection | undefined = now ?? model.remembered;
  if (connection === undefined) return [fitLine([span(' It is no longer remembered.', 'warn')], width)];
  return wrapLines(detailLines(connection, model.events, now === undefined), width);
}
