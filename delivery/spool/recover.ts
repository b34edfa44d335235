// What an earlier run left: the segments, how far the newest one is whole, and the cursors.
//
// Promises: nothing is thrown away that can be read, and nothing that is not ours is touched. The newest
// segment is read to its last whole record; older ones are left for the readers to meet.
// Refuses: to guess. Sequence numbers go on behind everything that was ever seen or promised.

import { codeOf, Fault } from '../../base/fault.ts';
import { Cursor, cursorName, destinationOf, isCursorName } from './cursor.ts';
import type { Folder, FolderEntry } from './disk.ts';
import { RECORD_BYTES_LIMIT, RECORD_HEADER, type Sizes, windowFor } from './layout.ts';
import { SegmentScan } from './scan.ts';
import { type Segment, segmentOf } from './segment.ts';
import type { Voice } from './voice.ts';

/** How many foreign names are said. */
const NAMES_SAID = 5;

export interface Found {
  readonly segments: Segment[];
  /** What readers have to expect, whatever the limits are now. */
  readonly readable: Sizes;
  /** Those of the destinations, in their order, then others that nobody asks for any more. */
  readonly cursors: Cursor[];
  readonly abandoned: Cursor[];
  readonly foreign: readonly string[];
  /** The last record that was found or is known to have been written. */
  readonly last: number;
  /** Of the newest segment: the last record found in it. */
  readonly lastWhole: number;
  /** Cut off the end of the newest segment: what was being written when the last run ended. */
  readonly tornBytes: number;
}

/** Looks at everything, changes nothing. */
export function lookAround(
  folder: Folder,
  destinations: readonly string[],
  sizes: Sizes,
  voice: Voice,
): Found {
  const entries = folder.list();
  const segments = findSegments(entries);
  const cursors = destinations.map((name) => loadCursor(folder, cursorName(name), entries, voice));
  const names = new Set([...segments, ...cursors].map(({ name }) => name));
  const abandoned = findAbandoned(folder, entries, names, voice);
  for (const { name } of abandoned) names.add(name);
  const foreign = entries.map(({ name }) => name).filter((name) => !names.has(name));
  const readable = sizesToRead(sizes, segments);
  const tail = findTails(folder, segments, readable, voice);
  const newest = segments.at(-1);
  const promised = [...cursors, ...abandoned].map(({ saved }) => Math.max(saved.acknowledged, saved.written));
  return {
    segments,
    readable,
    cursors,
    abandoned,
    foreign,
    last: Math.max(0, ...promised, tail?.lastMax ?? 0),
    lastWhole: tail?.last ?? 0,
    tornBytes: newest ? newest.size - newest.end : 0,
  };
}

function findSegments(entries: readonly FolderEntry[]): Segment[] {
  const ours = entries.filter(({ isOurs }) => isOurs);
  const segments = ours.flatMap(({ name, size }) => segmentOf(name, size) ?? []);
  return segments.sort((a, b) => a.first - b.first);
}

/** Records that were taken under a higher limit are as good as others. */
function sizesToRead(sizes: Sizes, segments: readonly Segment[]): Sizes {
  const largest = segments.reduce((max, { size }) => Math.max(max, size), 0);
  const recordBytesMax = Math.max(sizes.recordBytesMax, Math.min(largest, RECORD_BYTES_LIMIT));
  return { ...sizes, recordBytesMax };
}

function loadCursor(folder: Folder, name: string, entries: readonly FolderEntry[], voice: Voice): Cursor {
  const entry = entries.find((one) => one.name === name);
  if (entry && !entry.isOurs) {
    throw new Fault('SPOOL_UNSAFE', {
      what: `"${name}" in the spool is no file of ours, so that it cannot keep how far a destination is.`,
      mend: 'Look who put it there, and remove it: the oldest record that is kept will be sent first.',
    });
  }
  const cursor = new Cursor(folder, name);
  try {
    cursor.load();
  } catch (error) {
    cursor.state = 'lost';
    voice.warn('cursor', `Cannot read "${name}" (${codeOf(error) ?? String(error)}).`);
  }
  return cursor;
}

/** Cursors of destinations that are no longer configured. What is damaged is taken for somebody else's. */
function findAbandoned(
  folder: Folder,
  entries: readonly FolderEntry[],
  known: ReadonlySet<string>,
  voice: Voice,
): Cursor[] {
  const names = entries.filter(({ name, isOurs }) => isOurs && isCursorName(name) && !known.has(name));
  const cursors = names.map(({ name }) => loadCursor(folder, name, entries, voice));
  return cursors.filter(({ state }) => state === 'good' || state === 'older');
}

/**
 * Where the newest segment ends. A power cut may bring back one that was removed, beside another that has its
 * first number since: of such twins the one that goes furthest comes last, and is the one that is read.
 */
function findTails(folder: Folder, segments: Segment[], sizes: Sizes, voice: Voice): Tail | undefined {
  const tails = new Map<Segment, Tail>();
  segments.forEach((segment, at) => {
    const neighbours = [segments[at - 1], segments[at + 1]];
    const isTwin = neighbours.some((other) => other?.first === segment.first);
    if (!isTwin && at < segments.length - 1) return;
    const tail = findTail(folder, segment, sizes, voice);
    segment.end = tail.end;
    tails.set(segment, tail);
  });
  const lastIn = (segment: Segment) => tails.get(segment)?.lastMax ?? 0;
  segments.sort((a, b) => a.first - b.first || lastIn(a) - lastIn(b));
  const newest = segments.at(-1);
  return newest && tails.get(newest);
}

interface Tail {
  /** Behind the last whole record. */
  readonly end: number;
  readonly last: number;
  /** The highest sequence number that may stand in it, where not all could be read. */
  readonly lastMax: number;
}

function findTail(folder: Folder, segment: Segment, sizes: Sizes, voice: Voice): Tail {
  const tail = { end: 0, last: segment.first - 1 };
  let isReadable = true;
  try {
    const file = folder.open(segment.name, 'read');
    const scan = new SegmentScan(segment, file, windowFor(sizes), sizes.recordBytesMax);
    try {
      for (let step = scan.step(true); step !== 'end'; step = scan.step(true)) {
        if (step === 'unreadable') isReadable = false;
        scan.skipsUnreadable = true;
        if (step !== 'record') continue;
        tail.end = scan.offset;
        tail.last = scan.sequence;
      }
    } finally {
      scan.close();
    }
  } catch {
    isReadable = false;
  }
  if (isReadable) return { ...tail, lastMax: tail.last };
  voice.warn('unreadable', `Cannot read all of "${segment.name}"; records in it may be lost.`);
  // Nothing is cut off, and no number is used twice: there cannot be more records than have room.
  const hidden = Math.floor((segment.size - tail.end) / RECORD_HEADER);
  return { end: segment.size, last: tail.last, lastMax: tail.last + hidden };
}

/** One line for each thing that an operator would want to know. */
export function sayFound(found: Found, destinations: readonly string[], voice: Voice): void {
  if (found.foreign.length > 0) {
    const names = found.foreign.slice(0, NAMES_SAID).map((name) => JSON.stringify(name));
    const more = found.foreign.length > NAMES_SAID ? ` and ${found.foreign.length - NAMES_SAID} more` : '';
    voice.warn('foreign', `The spool holds what is not ours: ${names.join(', ')}${more}; it is left alone.`);
  }
  if (found.tornBytes > 0) {
    voice.warn('torn', `The last write was cut (${found.tornBytes} bytes without a whole record).`);
  }
  found.cursors.forEach((cursor, i) => sayCursor(cursor, destinations[i] as string, found, voice));
}

function sayCursor(cursor: Cursor, name: string, found: Found, voice: Voice): void {
  const { state } = cursor;
  if (state === 'older') {
    voice.warn('cursor', `The newest cursor of ${name} is damaged; some records may be sent twice.`);
  }
  if (state === 'lost') {
    voice.warn('cursor', `The cursor of ${name} is damaged; all records that are kept are sent again.`);
  }
  if (state === 'fresh' && found.segments.length > 0) {
    voice.info(`${name} has no cursor yet; it begins with the oldest record that is kept.`);
  }
}

export function sayAbandoned(cursor: Cursor, last: number, voice: Voice): void {
  const waiting = last - cursor.saved.acknowledged;
  const name = destinationOf(cursor.name);
  voice.warn(
    'abandoned',
    `${name} is no destination of this spool any more; ${waiting} records were still waiting for it.`,
  );
}
