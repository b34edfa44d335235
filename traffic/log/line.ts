// The traffic log, one line an event, in the shape that users of iptraf-ng read at once, without its defects:
//
//   2026-11-20T21:53:03.123456+01:00; TCP; eth0; 260 bytes; from 10.0.0.2:41234 to 10.0.0.1:2525; Connection reset by the
//   server; 3 packets, 180 bytes, avg flow rate 0.12 kbps; opposite direction 2 packets, 80 bytes, avg flow rate 0.05
//   kbps; lasted 12.3005 s; client curl[812] of alice; r1-0
//
// Promises: fields apart by "; ", always in this order, no name can hold one; IPv6 in brackets; the time with its zone and
// microseconds; the id joins the lines of one connection. docs/traffic-log.md has the grammar.
// Refuses: to write a file, and to know what a zone is; it asks for the offset.

import type { ViewedFacts } from '../events/facts.ts';
import { EVENT_NAMES, endText, isTcp, protocolName } from '../events/names.ts';
import type { Owners } from '../events/owner.ts';
import { safeName, whoWords } from '../events/sentence.ts';
import { printMicros } from '../events/span.ts';
import { unreachableText } from '../events/unreachable.ts';
import type { Turn } from '../flow/turn.ts';

/** Minutes east of Greenwich at an instant. */
export interface LogZone {
  offsetMin(epochSec: number): number;
}

/** RFC 3339 in the zone, microseconds. */
export function printLogTime(timeUs: number, zone: LogZone): string {
  const us = Math.round(timeUs);
  const sec = Math.floor(us / 1e6);
  const minutes = zone.offsetMin(sec);
  const local = new Date((sec + minutes * 60) * 1000).toISOString().slice(0, 19);
  const two = (value: number) => String(value).padStart(2, '0');
  const away = Math.abs(minutes);
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(away / 60))}:${two(away % 60)}`;
  return `${local}.${String(us - sec * 1e6).padStart(6, '0')}${offset}`;
}

/** One line, without its line feed. */
export function printLogLine(facts: ViewedFacts, owners: Owners, zone: LogZone): string {
  const { protocol, ipBytes, packets } = facts;
  const client = endText(facts.clientAddress, facts.clientPort, protocol);
  const server = endText(facts.serverAddress, facts.serverPort, protocol);
  const lastedUs = Math.max(0, facts.timeUs - facts.startUs);
  return [
    printLogTime(facts.timeUs, zone),
    protocolName(protocol).toUpperCase(),
    facts.interfaceName === undefined ? '-' : safeName(facts.interfaceName),
    `${ipBytes[0] + ipBytes[1]} bytes`,
    `from ${client} to ${server}`,
    whatText(facts),
    `${directionText(packets[0], ipBytes[0], lastedUs)}`,
    `opposite direction ${directionText(packets[1], ipBytes[1], lastedUs)}`,
    `lasted ${printMicros(lastedUs)}`,
    ...whoWords(owners),
    facts.id,
  ].join('; ');
}

/** "3 packets, 180 bytes, avg flow rate 0.12 kbps". Below a millisecond a rate says nothing. */
function directionText(packets: number, bytes: number, lastedUs: number): string {
  const amount = `${packets} packets, ${bytes} bytes`;
  return lastedUs < 1000 ? amount : `${amount}, avg flow rate ${rateText((bytes * 8e6) / lastedUs)}`;
}

function rateText(bitsPerSecond: number): string {
  const units = ['kbps', 'Mbps', 'Gbps'];
  let value = bitsPerSecond / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(2)} ${units[unit]}`;
}

/** Said of a RST: whose stack it left, as far as the packet's way tells. */
function sentText({ isEndOwn }: ViewedFacts): string {
  return isEndOwn === undefined ? '' : isEndOwn ? ', sent by this host' : ', received';
}

function whatText(facts: ViewedFacts): string {
  const last = `last packet ${printMicros(facts.timeUs - facts.lastUs)} before`;
  switch (facts.turn) {
    case 'opened':
      if (!isTcp(facts.protocol)) return 'first packet';
      if (facts.isMidstream) return 'first packet seen, open before';
      return facts.rttUs < 0
        ? 'first packet (SYN)'
        : `first packet (SYN), answered after ${printMicros(facts.rttUs)}`;
    case 'update':
      return `active, update ${facts.updates}`;
    case 'closed':
      if (!isTcp(facts.protocol)) return `over, ${last}`;
      return facts.by ? `FIN sent by the ${facts.by} first, closed` : 'closed';
    case 'reset':
      return `Connection reset by the ${facts.by ?? 'other side'}${sentText(facts)}`;
    case 'refused':
      if (!facts.unreachable) return 'Connection refused (RST)';
      return `refused, ICMP ${unreachableText(facts.unreachable)} (${facts.unreachable.join('/')})`;
    case 'noAnswer':
      return `no answer to ${facts.synCount} SYN${facts.synCount === 1 ? '' : 's'}`;
    case 'timeout':
      return `Connection timed out, ${facts.outstanding[0]} bytes and ${facts.outstanding[1]} bytes back not acknowledged, ${last}`;
    case 'halfClosed':
      return `FIN sent by the ${facts.by ?? 'one side'}, half closed`;
  }
}

function note(timeUs: number, zone: LogZone, text: string): string {
  return `${printLogTime(timeUs, zone)}; ${text}`;
}

export function printLogStart(timeUs: number, zone: LogZone): string {
  return note(timeUs, zone, '******** IP traffic monitor started ********');
}

/** The connections that are open still stand before it, as `active`. */
export function printLogStop(timeUs: number, zone: LogZone): string {
  return note(timeUs, zone, '******** IP traffic monitor stopped ********');
}

/** The first line of the new file says why there is one. */
export function printLogReopened(timeUs: number, zone: LogZone, why: 'signal' | 'moved'): string {
  const reason = why === 'signal' ? 'at the HUP signal' : 'since the old one was moved away';
  return note(timeUs, zone, `***** Logfile reopened ${reason} *****`);
}

export interface LogLosses {
  /** By the kernel. */
  readonly dropped: number;
  /** Connections that were forgotten for want of room. */
  readonly evicted: number;
  /** Lines that could not be written: the disk was full. */
  readonly unwritten?: number | undefined;
  readonly heldBack: Readonly<Partial<Record<Turn, number>>>;
}

/** Undefined: nothing was lost. */
export function printLogLosses(losses: LogLosses, timeUs: number, zone: LogZone): string | undefined {
  const said = lossWords(losses);
  return said.length === 0 ? undefined : note(timeUs, zone, `LOST; ${said.join('; ')}`);
}

function lossWords({ dropped, evicted, unwritten = 0, heldBack }: LogLosses): string[] {
  const kinds = Object.entries(heldBack).filter(([, count]) => count > 0);
  const held = kinds.map(([turn, count]) => `${count} ${EVENT_NAMES[turn as Turn]}`).join(', ');
  return [
    ...(dropped > 0 ? [`${dropped} packets dropped by the kernel`] : []),
    ...(evicted > 0 ? [`${evicted} connections forgotten, the table was full`] : []),
    ...(unwritten > 0 ? [`${unwritten} lines of this file not written`] : []),
    ...(held === '' ? [] : [`messages held back by the rate limit: ${held}`]),
  ];
}

/** What an interface is doing: "eth0; captured", "eth0; absent, no such device". */
export function printLogInterface(
  name: string,
  state: string,
  trouble: string | undefined,
  timeUs: number,
  zone: LogZone,
): string {
  const why = trouble === undefined ? '' : `, ${plain(trouble)}`;
  return note(timeUs, zone, `${safeName(name)}; ${plain(state)}${why}`);
}

function plain(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').replaceAll(';', ',');
}
