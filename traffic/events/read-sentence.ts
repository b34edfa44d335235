// Reads the sentence of an event back: the other half of sentence.ts and view.ts. Promises: what pairing two hosts'
// views needs comes back exactly as it was told, whatever names stood in between; any other text is undefined, and
// none throws. Reads the English, not the structured data, since most files keep only the text.
// Refuses: a sentence with anything before or behind it.

import { isIP } from 'node:net';
import type { Turn } from '../flow/turn.ts';
import type { Pair } from './facts.ts';
import { readMicros, SPAN_PATTERN } from './span.ts';
import type { Unreachable } from './unreachable.ts';
import { readTime, VIEW_ENDS, type ViewEnd } from './view.ts';

/** An event as one host told it. Pairs are client to server, then back. */
export interface ToldEvent {
  readonly turn: Turn;
  /** "tcp", "udp", "ip-47". */
  readonly protocol: string;
  readonly clientAddress: string;
  /** 0 where the protocol has no ports. */
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly id: string;
  readonly view: ViewEnd;
  /** Whether the host that tells it sent the RST or FIN; undefined: not told. */
  readonly isEndOwn: boolean | undefined;
  readonly timeUs: number;
  /** How wrong the time may be; Infinity: nobody keeps that clock; undefined: not told. */
  readonly clockErrorUs: number | undefined;
  /** From the first packet to this. */
  readonly afterUs: number;
  readonly by: 'client' | 'server' | undefined;
  readonly packets: Pair | undefined;
  readonly payloadBytes: Pair | undefined;
  readonly retransmitted: Pair;
  /** Not acknowledged, where that is what happened. */
  readonly outstanding: Pair | undefined;
  readonly silentUs: number | undefined;
  /** The server's SYN-ACK was never acknowledged. */
  readonly isHandshakeOpen: boolean;
  readonly isMidstream: boolean;
  readonly syns: number | undefined;
  readonly unreachable: Unreachable | undefined;
  /** SYN to SYN-ACK. */
  readonly rttUs: number | undefined;
  /** "client curl[812] of alice; server nginx[77]"; empty: nobody known. */
  readonly who: string;
}

const TIME = String.raw`(\d\S+Z)`;
const WHOLE = new RegExp(
  String.raw`^([A-Z][A-Z0-9-]*) (\S+) -> (\S+) (.+?)(?: \(((?:client|server) [^()[\]]+\[[^()]*|(?:client|server) [^()]+)\))? ` +
    String.raw`\[flow (\S+) (${VIEW_ENDS.join('|')})(?: (sent|received))? ${TIME}(?: (?:(unsynchronised)|\+-(\d+)us))?\]$`,
  'u',
);
const COUNTS =
  /; (\d+) packets?, \d+ bytes \((\d+) data\) to the server; (\d+) packets?, \d+ bytes \((\d+) data\) back/;
const SENT_AGAIN = /; sent again (\d+) and (\d+) back/;
const OUTSTANDING = /, (\d+) bytes to the server and (\d+) back not acknowledged/;
const ICMP = /^refused: ICMP [a-z ]+ \((\d+)\/(\d+)\)/;
const span = (before: string) => new RegExp(`${before}(${SPAN_PATTERN})`);
const AFTER = span('(?:after|in|open for) ');
const SILENT = span('the last packet ');
const ROUND_TRIP = span('; round trip ');
const BY = /^(?:closed|reset|half closed) by the (client|server)\b/;
const SYNS = /^no answer to (\d+) SYNs? /;

/** How each turn's story begins. */
const STORIES: readonly (readonly [start: string, turn: Turn])[] = [
  ['opened', 'opened'],
  ['begun', 'opened'],
  ['seen;', 'opened'],
  ['open for ', 'update'],
  ['closed', 'closed'],
  ['over after ', 'closed'],
  ['reset by ', 'reset'],
  ['refused: ', 'refused'],
  ['no answer to ', 'noAnswer'],
  ['timed out after ', 'timeout'],
  ['half closed by ', 'halfClosed'],
];

function pairOf(found: RegExpExecArray | null, out: number, back: number): Pair | undefined {
  return found ? [Number(found[out]), Number(found[back])] : undefined;
}

function spanOf(pattern: RegExp, story: string): number | undefined {
  const found = pattern.exec(story)?.[1];
  return found === undefined ? undefined : readMicros(found);
}

interface End {
  readonly address: string;
  readonly port: number;
}

/** "10.0.0.1:2525", "[fd00::1]:2525", or an address alone. */
export function readEnd(text: string): End | undefined {
  const withPort = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const address = withPort ? (withPort[1] ?? withPort[2] ?? '') : text;
  const port = Number(withPort?.[3] ?? 0);
  return isIP(address) === 0 || port > 65_535 ? undefined : { address, port };
}

export function readSentence(text: string): ToldEvent | undefined {
  const parts = WHOLE.exec(text);
  if (!parts) return undefined;
  const [, protocol = '', src = '', dst = '', story = '', who = '', id = '', view = '', sent] = parts;
  const [client, server] = [readEnd(src), readEnd(dst)];
  const turn = STORIES.find(([start]) => story.startsWith(start))?.[1];
  const timeUs = readTime(parts[9] ?? '');
  if (!client || !server || turn === undefined || timeUs === undefined) return undefined;
  return {
    turn,
    protocol: protocol.toLowerCase(),
    clientAddress: client.address,
    clientPort: client.port,
    serverAddress: server.address,
    serverPort: server.port,
    id,
    view: view as ViewEnd,
    isEndOwn: sent === undefined ? undefined : sent === 'sent',
    timeUs,
    clockErrorUs: parts[10] ? Number.POSITIVE_INFINITY : parts[11] ? Number(parts[11]) : undefined,
    who,
    ...readStory(turn, story),
  };
}

type Story = Omit<
  ToldEvent,
  | 'turn'
  | 'protocol'
  | 'clientAddress'
  | 'clientPort'
  | 'serverAddress'
  | 'serverPort'
  | 'id'
  | 'view'
  | 'isEndOwn'
  | 'timeUs'
  | 'clockErrorUs'
  | 'who'
>;

function readStory(turn: Turn, story: string): Story {
  const counts = COUNTS.exec(story);
  const syns = SYNS.exec(story)?.[1];
  return {
    afterUs: spanOf(AFTER, story) ?? 0,
    by: BY.exec(story)?.[1] as 'client' | 'server' | undefined,
    packets: pairOf(counts, 1, 3),
    payloadBytes: pairOf(counts, 2, 4),
    retransmitted: pairOf(SENT_AGAIN.exec(story), 1, 2) ?? [0, 0],
    outstanding: turn === 'timeout' ? pairOf(OUTSTANDING.exec(story), 1, 2) : undefined,
    silentUs: spanOf(SILENT, story),
    isHandshakeOpen: turn === 'timeout' && story.includes(', the SYN-ACK was never acknowledged'),
    isMidstream: story.startsWith('seen;'),
    syns: syns === undefined ? undefined : Number(syns),
    unreachable: pairOf(ICMP.exec(story), 1, 2),
    rttUs: spanOf(ROUND_TRIP, story),
  };
}
