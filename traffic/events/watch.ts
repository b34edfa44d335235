// The compact end of "this host watches its connections from now on", and of "not any more": with the addresses of the
// host, so that whoever reads the files knows who should have seen a connection of which nothing was told.
//
//   [flow watching 10.0.0.1,fd00::1 2026-11-20T21:53:03.123456Z]
//   [flow watched 10.0.0.1,fd00::1 2026-11-20T23:00:00.000107Z]
//
//   [flow lost 12 3 1890 2026-11-20T21:53:03.123456Z 2026-11-20T21:53:13.124001Z]
//
// The last says what it may have missed: a host that lost events in a span is no witness for that span.
// Refuses: addresses that every host has, or that mean something on one link only.

import { isIP } from 'node:net';
import { MARK, printTime, readTime } from './view.ts';

/** A host with more is a router; its first ones do. */
const ADDRESSES_MAX = 32;

export interface Watch {
  /** Watching begins, or has ended. */
  readonly isOn: boolean;
  readonly addresses: readonly string[];
  readonly timeUs: number;
}

function isTelling(address: string): boolean {
  if (isIP(address) === 0) return false;
  return !/^(?:127\.|169\.254\.|fe[89ab][0-9a-f]:|::1$|::$)/i.test(address);
}

export function printWatch({ isOn, addresses, timeUs }: Watch): string {
  const telling = addresses.filter(isTelling).slice(0, ADDRESSES_MAX);
  return `${MARK}${isOn ? 'watching' : 'watched'} ${telling.length === 0 ? '-' : telling.join(',')} ${printTime(timeUs)}]`;
}

const END = /\[flow (watching|watched) (\S+) (\S+)\]$/;

/** Of the whole text of a message; undefined: it says no such thing. */
export function readWatch(text: string): Watch | undefined {
  const [, word, list = '', time = ''] = END.exec(text) ?? [];
  const timeUs = readTime(time);
  if (word === undefined || timeUs === undefined) return undefined;
  return { isOn: word === 'watching', addresses: list.split(',').filter(isTelling), timeUs };
}

/** Events that a host cannot have told, in one span of time. */
export interface Gap {
  readonly fromUs: number;
  readonly toUs: number;
  /** Packets that the kernel dropped, and connections that were forgotten for want of room. */
  readonly dropped: number;
  readonly evicted: number;
  /** Events over the rate limit. */
  readonly heldBack: number;
}

/** `[flow lost 12 3 1890 2026-…Z 2026-…Z]`: dropped, evicted, held back, from, to. */
export function printGapMark({ dropped, evicted, heldBack, fromUs, toUs }: Gap): string {
  return `${MARK}lost ${dropped} ${evicted} ${heldBack} ${printTime(fromUs)} ${printTime(toUs)}]`;
}

const LOST = /\[flow lost (\d{1,15}) (\d{1,15}) (\d{1,15}) (\S+) (\S+)\]$/;

export function readGapMark(text: string): Gap | undefined {
  const [, dropped, evicted, heldBack, from = '', to = ''] = LOST.exec(text) ?? [];
  const [fromUs, toUs] = [readTime(from), readTime(to)];
  if (fromUs === undefined || toUs === undefined) return undefined;
  return { dropped: Number(dropped), evicted: Number(evicted), heldBack: Number(heldBack), fromUs, toUs };
}
