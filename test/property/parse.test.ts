// No bytes make the parser throw, lose text, or look outside the message: a million mutated messages and random
// bytes, each lying in the middle of other bytes. The seed is printed; BELFRY_SEED repeats a run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMessage } from '../../syslog/parse.ts';
import { FORMAT, FORMATS, LogRecord, NO_ZONE, TIME, TROUBLE, TROUBLES } from '../../syslog/record.ts';
import { daysInMonth } from '../../syslog/time.ts';
import { SEED } from './chance.ts';
import { Dice, MUTANT_MAX, mutate, SAMPLES } from './messages.ts';

const INPUTS = 1_000_000;
/** One in so many is read a second time, alone in an array of its own. */
const ALONE_EVERY = 8;

const arena = new Uint8Array(4 * MUTANT_MAX);

function fill(dice: Dice): void {
  for (let i = 0; i < arena.length; i++) arena[i] = dice.roll(256);
}

test(`a million mutated messages are read without harm (seed ${SEED})`, () => {
  const dice = new Dice(SEED);
  const samples = SAMPLES.map((text) => Buffer.from(text));
  const record = new LogRecord();
  fill(dice);
  for (let i = 0; i < INPUTS; i++) {
    const start = dice.roll(MUTANT_MAX);
    const end = mutate(dice, samples, arena, start);
    checkOne(record, start, end, i);
  }
});

test(`random bytes are read without harm (seed ${SEED})`, () => {
  const dice = new Dice(SEED);
  const record = new LogRecord();
  for (let i = 0; i < INPUTS / 20; i++) {
    if (i % 16 === 0) fill(dice);
    const start = dice.roll(MUTANT_MAX);
    const end = start + dice.roll(200);
    if (dice.roll(2) === 0) arena.set(Buffer.from('<13>'), start);
    checkOne(record, start, end, i);
  }
});

function checkOne(record: LogRecord, start: number, end: number, i: number): void {
  try {
    parseMessage(record, arena, start, end);
    checkInvariants(record, start, end);
    if (i % ALONE_EVERY === 0) checkAlone(record, start, end);
  } catch (error) {
    const text = JSON.stringify(Buffer.from(arena.subarray(start, end)).toString('latin1'));
    throw new Error(`${(error as Error).message}; seed ${SEED}, input ${i}: ${text}`, { cause: error });
  }
}

/** What stands around a message changes nothing: nobody looked there. */
function checkAlone(record: LogRecord, start: number, end: number): void {
  const alone = new LogRecord();
  parseMessage(alone, arena.slice(start, end), 0, end - start);
  for (const [name, value] of Object.entries(alone)) {
    if (name === 'bytes' || /^(year|month|day|hour|minute|second|nanos|zoneMin|epochSec)$/.test(name))
      continue;
    const found = record[name as keyof LogRecord];
    const isOffset = /^(start|end|headerStart|.*(Start|End))$/.test(name) && value !== -1;
    const expected = isOffset ? (value as number) + start : value;
    if (found !== expected) assert.fail(`${name} is ${String(found)}, alone it is ${String(expected)}`);
  }
}

function checkInvariants(record: LogRecord, start: number, end: number): void {
  const must = (holds: boolean, what: string): void => {
    if (!holds) assert.fail(what);
  };
  must(record.start === start && record.end <= end && record.end >= start, 'the message stays where it is');
  must(record.headerStart >= start && record.headerStart <= record.end, 'the header begins inside');
  must(record.msgStart >= record.start && record.msgStart <= record.msgEnd, 'the text has an order');
  must(record.msgEnd === record.end, 'the text goes to the end');
  must(record.pri >= 0 && record.pri <= 191, 'PRI is in range');
  must(FORMATS[record.format] !== undefined && TROUBLES[record.trouble] !== undefined, 'closed sets');
  for (const [fieldStart, fieldEnd] of [
    [record.hostStart, record.hostEnd],
    [record.programStart, record.programEnd],
    [record.procidStart, record.procidEnd],
    [record.msgidStart, record.msgidEnd],
    [record.sdStart, record.sdEnd],
  ] as const) {
    const isAbsent = fieldStart === -1 && fieldEnd === -1;
    must(
      isAbsent || (fieldStart >= start && fieldStart < fieldEnd && fieldEnd <= record.end),
      'a field is inside',
    );
  }
  if (record.format === FORMAT.text) {
    must(record.msgStart <= record.headerStart, 'a message that was not understood keeps its text');
    must(record.hostStart === -1 && record.timeKind === TIME.none, 'and has no host and no time');
    must(record.trouble !== TROUBLE.none, 'and is counted');
  }
  if (record.timeKind === TIME.calendar) checkTime(record, must);
  if (record.traditional) checkTraditional(record, must);
}

type Must = (holds: boolean, what: string) => void;

function checkTime(record: LogRecord, must: Must): void {
  must(record.month >= 1 && record.month <= 12, 'month');
  must(record.day >= 1 && record.day <= daysInMonth(record.year, record.month), 'day');
  must(record.hour >= 0 && record.hour <= 23 && record.minute >= 0 && record.minute <= 59, 'time of day');
  must(record.second >= 0 && record.second <= 60 && record.nanos >= 0 && record.nanos < 1e9, 'seconds');
  must(record.zoneMin === NO_ZONE || Math.abs(record.zoneMin) < 24 * 60, 'zone');
}

/** `traditional` is a promise that the bytes are what would be printed. */
function checkTraditional(record: LogRecord, must: Must): void {
  const text = (from: number, to: number): string => Buffer.from(arena.subarray(from, to)).toString('latin1');
  const month = 'JanFebMarAprMayJunJulAugSepOctNovDec'.slice(record.month * 3 - 3, record.month * 3);
  const two = (value: number, fill: string): string => String(value).padStart(2, fill);
  const clock = [record.hour, record.minute, record.second].map((value) => two(value, '0')).join(':');
  const pid = record.procidStart < 0 ? '' : `[${text(record.procidStart, record.procidEnd)}]`;
  const tag = `${text(record.programStart, record.programEnd)}${pid}`;
  const host = text(record.hostStart, record.hostEnd);
  const printed = `${month} ${two(record.day, ' ')} ${clock} ${host} ${tag}: ${text(record.msgStart, record.end)}`;
  must(printed === text(record.headerStart, record.end), `printed as ${printed}`);
  must(record.msgStart < record.msgEnd && record.zoneMin === NO_ZONE && record.year === 0, 'canonical');
}
