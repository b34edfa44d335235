// The sentence of an event, for people and for whoever has only the text: it names both ends, what happened, by whom,
// after how long and after how much, and ends with who saw it and when (view.ts), so that two hosts' views can be
// paired without the structured data. read-sentence.ts is its other half: a change here is a change there.
//
//   TCP 10.0.0.2:41234 -> 10.0.0.1:2525 reset by the server after 12.3005 s; 3 packets, 180 bytes (60 data) to the
//   server; 2 packets, 80 bytes (0 data) back; round trip 400 us (client curl[812] of alice) [flow r1-0 server sent …]
//
// Refuses: names of hosts, and names that could pass for another part of the sentence.

import type { FlowFacts, Pair, ViewedFacts } from './facts.ts';
import { endText, isTcp, protocolName } from './names.ts';
import type { Owner, Owners } from './owner.ts';
import { printMicros } from './span.ts';
import { unreachableText } from './unreachable.ts';
import { type ClockQuality, printMark } from './view.ts';

/** A name of a process, user or unit is shown as far as this: comm has 15 bytes, units are longer. */
const NAME_LENGTH_MAX = 64;

/** Letters and digits of any script and a few signs; nothing that ends a word, a bracket or a string. */
export function safeName(name: string): string {
  const safe = name
    .slice(0, NAME_LENGTH_MAX)
    .replace(/\s/gu, '_')
    .replace(/[^\p{L}\p{N}._\-/:@+~#%=!*,&$]/gu, '?');
  return safe === '' ? '?' : safe;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function amounts(facts: FlowFacts): string {
  const { packets, ipBytes, payloadBytes, retransmitted, outOfOrder, zeroWindows } = facts;
  const [out, back] = ([0, 1] as const).map(
    (side) => `${count(packets[side], 'packet')}, ${ipBytes[side]} bytes (${payloadBytes[side]} data)`,
  );
  return [
    `; ${out} to the server; ${back} back`,
    troubles('sent again', retransmitted),
    troubles('out of order', outOfOrder),
    troubles('zero windows', zeroWindows),
    isTcp(facts.protocol) && facts.rttUs >= 0 ? `; round trip ${printMicros(facts.rttUs)}` : '',
    facts.turn !== 'update' && facts.updates > 0 ? `; ${count(facts.updates, 'update')} before` : '',
  ].join('');
}

function troubles(what: string, [out, back]: Pair): string {
  return out === 0 && back === 0 ? '' : `; ${what} ${out} and ${back} back`;
}

/** A server's view of a handshake whose last step never came. */
function isHandshakeOpen(facts: FlowFacts): boolean {
  const { protocol, synCount, packets, isMidstream } = facts;
  return isTcp(protocol) && !isMidstream && synCount > 0 && packets[0] === synCount && packets[1] > 0;
}

function refusal({ unreachable }: FlowFacts): string {
  if (!unreachable) return 'refused: the server answered the SYN with RST';
  return `refused: ICMP ${unreachableText(unreachable)} (${unreachable.join('/')})`;
}

function silence(facts: FlowFacts): string {
  const last = `the last packet ${printMicros(facts.timeUs - facts.lastUs)} before`;
  if (isHandshakeOpen(facts)) return `the SYN-ACK was never acknowledged, ${last}`;
  const [out, back] = facts.outstanding;
  if (out === 0 && back === 0) return `nothing outstanding, ${last}`;
  return `${out} bytes to the server and ${back} back not acknowledged, ${last}`;
}

function opening(facts: FlowFacts, after: string): string {
  if (facts.isMidstream) return 'seen; it was open before';
  if (!isTcp(facts.protocol)) return 'begun';
  return facts.rttUs < 0
    ? `opened after ${after}`
    : `opened after ${after}; round trip ${printMicros(facts.rttUs)}`;
}

function ending(facts: FlowFacts, after: string): string {
  if (!isTcp(facts.protocol))
    return `over after ${after}, the last packet ${printMicros(facts.timeUs - facts.lastUs)} before`;
  return `closed${facts.by ? ` by the ${facts.by} first` : ''} after ${after}`;
}

function story(facts: FlowFacts): string {
  const after = printMicros(facts.timeUs - facts.startUs);
  switch (facts.turn) {
    case 'opened':
      return opening(facts, after);
    case 'update':
      return `open for ${after}, update ${facts.updates}${amounts(facts)}`;
    case 'closed':
      return `${ending(facts, after)}${amounts(facts)}`;
    case 'reset':
      return `reset by the ${facts.by ?? 'other side'} after ${after}${amounts(facts)}`;
    case 'refused':
      return `${refusal(facts)} after ${after}${amounts(facts)}`;
    case 'noAnswer':
      return `no answer to ${count(facts.synCount, 'SYN')} in ${after}${amounts(facts)}`;
    case 'timeout':
      return `timed out after ${after}, ${silence(facts)}${amounts(facts)}`;
    case 'halfClosed':
      return `half closed by the ${facts.by ?? 'one side'} after ${after}${amounts(facts)}`;
  }
}

/** "client curl[812] of alice": what a person wants to know of an owner; nothing where nobody is known. */
function ownerText(side: string, owner: Owner | undefined): string[] {
  if (owner === undefined) return [];
  const service = owner.unit ?? (owner.container && `container:${owner.container}`);
  const process =
    owner.process === undefined
      ? service && safeName(service)
      : `${safeName(owner.process)}[${owner.pid ?? '?'}]`;
  if (process === undefined) return [];
  return [owner.user === undefined ? `${side} ${process}` : `${side} ${process} of ${safeName(owner.user)}`];
}

/** ["client curl[812] of alice", "server nginx[77]"]: as far as somebody is known. */
export function whoWords(owners: Owners): string[] {
  return [...ownerText('client', owners.client), ...ownerText('server', owners.server)];
}

export function sentenceOf(facts: ViewedFacts, owners: Owners, clock: ClockQuality | undefined): string {
  const { protocol } = facts;
  const client = endText(facts.clientAddress, facts.clientPort, protocol);
  const server = endText(facts.serverAddress, facts.serverPort, protocol);
  const ends = `${protocolName(protocol).toUpperCase()} ${client} -> ${server}`;
  const who = whoWords(owners);
  const whoText = who.length === 0 ? '' : ` (${who.join('; ')})`;
  return `${ends} ${story(facts)}${whoText} ${printMark(facts, clock)}`;
}
