// The sentence of an event, for people and for whoever has only the text: it names both ends, what happened, by whom,
// after how long and after how much, so that two hosts' views can be paired without the structured data.
// Refuses: numbers that mean nothing to a reader.

import { endText, protocolName } from './names.ts';
import type { FlowFacts } from './facts.ts';
import type { Owner, Owners } from './owner.ts';

function span(us: number): string {
  if (us < 1000) return `${Math.round(us)} us`;
  return us < 1_000_000 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1e6).toFixed(1)} s`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function amounts({ packets, ipBytes }: FlowFacts): string {
  const [out, back] = [0, 1].map(
    (side) => `${count(packets[side] ?? 0, 'packet')}, ${ipBytes[side] ?? 0} bytes`,
  );
  return `${out} to the server; ${back} back`;
}

/** RFC 792, RFC 1812 section 5.2.7.1, RFC 4443: the codes that a person meets. */
const CODES_V4: Readonly<Record<number, string>> = {
  0: 'network',
  1: 'host',
  2: 'protocol',
  3: 'port',
  4: 'fragmentation needed',
  9: 'network prohibited',
  10: 'host prohibited',
  13: 'prohibited by a filter',
};
const CODES_V6: Readonly<Record<number, string>> = {
  0: 'no route',
  1: 'prohibited by a filter',
  3: 'address',
  4: 'port',
  6: 'route rejected',
};

function refusal(facts: FlowFacts): string {
  if (!facts.unreachable) return 'refused: the server answered the SYN with a RST';
  const [, code] = facts.unreachable;
  const meaning = (facts.clientAddress.includes(':') ? CODES_V6 : CODES_V4)[code];
  return `refused: ICMP unreachable, ${meaning === undefined ? 'code' : `${meaning}, code`} ${code}`;
}

function story(facts: FlowFacts): string {
  const after = span(Math.max(0, facts.timeUs - facts.startUs));
  switch (facts.turn) {
    case 'opened':
      if (facts.isMidstream) return 'seen; it was open before';
      return facts.rttUs >= 0 ? `opened; the server answered after ${span(facts.rttUs)}` : 'opened';
    case 'update':
      return `open for ${after}, report ${facts.updates}; ${amounts(facts)}`;
    case 'closed':
      return `closed${facts.by ? ` by the ${facts.by} first` : ''} after ${after}; ${amounts(facts)}`;
    case 'reset':
      return `reset by the ${facts.by ?? 'other side'} after ${after}; ${amounts(facts)}`;
    case 'refused':
      return refusal(facts);
    case 'noAnswer':
      return `no answer to ${count(facts.synCount, 'SYN')} in ${after}`;
    case 'timeout':
      return `silent with ${facts.outstanding[0]} bytes to the server and ${facts.outstanding[1]} back not acknowledged, after ${after}; ${amounts(facts)}`;
    case 'halfClosed':
      return `half closed: the ${facts.by ?? 'one side'} is done, the other is not, after ${after}; ${amounts(facts)}`;
  }
}

/** "client curl[812], user alice": what a person wants to know of an owner; nothing where nobody is known. */
function ownerText(side: string, owner: Owner | undefined): string | undefined {
  if (owner === undefined) return undefined;
  const service = owner.unit ?? (owner.container && `container ${owner.container}`);
  const process = owner.process === undefined ? service : `${owner.process}[${owner.pid ?? '?'}]`;
  if (process === undefined) return undefined;
  return owner.user === undefined ? `${side} ${process}` : `${side} ${process} of ${owner.user}`;
}

export function sentenceOf(facts: FlowFacts, owners: Owners): string {
  const { protocol } = facts;
  const client = endText(facts.clientAddress, facts.clientPort, protocol);
  const server = endText(facts.serverAddress, facts.serverPort, protocol);
  const who = [ownerText('client', owners.client), ownerText('server', owners.server)].filter(
    (text) => text !== undefined,
  );
  const tail = who.length === 0 ? '' : ` (${who.join(', ')})`;
  return `${protocolName(protocol).toUpperCase()} ${client} -> ${server} ${story(facts)}${tail}`;
}
