// The page behind `?`: keys, what the columns and letters mean, and what it means that an owner is not known.
// Refuses: what `belfry monitor --help` says.

import { FLAG_WORDS } from './marks.ts';
import { HOW_WORDS } from './owner-text.ts';
import { type Line, span } from './text.ts';

const KEYS: readonly (readonly [key: string, means: string])[] = [
  ['up down', 'move the bar; also j k, Page Up, Page Down, Home, End'],
  ['Enter', 'all about this connection; in another view: only its connections'],
  ['Esc', 'back: out of the detail, out of the narrowing, to the connections'],
  ['h p o', 'by host, by port, by process (its owner); Tab goes round'],
  [
    's',
    'sort: then p packets, b bytes, r rate, t round trip, l last packet, a age, n name; the same again turns it round',
  ],
  ['/', 'another filter, in the language of tcpdump; empty: everything'],
  ['Space', 'pause: the screen stands still, counting goes on'],
  ['c f', 'clear what has ended'],
  ['w', 'let the arrows move in the other window'],
  ['1', 'one line for each connection, or two'],
  ['Ctrl-L', 'draw the screen again'],
  ['Ctrl-Z', 'leave it for a moment; fg comes back'],
  ['x q', 'leave, from a page like this one first back to the connections; Ctrl-C leaves at once'],
];

const COLUMNS: readonly (readonly [string, string])[] = [
  ['=', 'before the packets: seen from its SYN'],
  ['>', 'it was open before the first packet that was seen'],
  ['Packets', 'and Bytes: of this direction, as the host saw them; bytes are those of IP'],
  ['Flag', 'SYN, PSH, ACK, URG seen of this side, or:'],
  ...Object.entries(FLAG_WORDS),
  ['bit/s', 'over the last seconds'],
  ['>bit/s <bit/s', 'in the other views: sent, or to the port; received, or back'],
  ['RTT ms', 'SYN to SYN-ACK; below it SYN-ACK to ACK'],
  ['Retr', 'segments that were sent again'],
  ['Drops', 'packets that the kernel had no room for: never seen here'],
];

function table(title: string, rows: readonly (readonly [string, string])[], width: number): readonly Line[] {
  const column = width < 60 ? 9 : 18;
  return [
    [span(` ${title}`, 'strong')],
    ...rows.map(([name, means]): Line => [span(`  ${name.padEnd(column)}`, 'accent'), span(means)]),
    [],
  ];
}

/** `missing`: what of the owners cannot be told here, and why. */
export function helpLines(width: number, missing: string | undefined): readonly Line[] {
  const hows = Object.entries(HOW_WORDS)
    .filter(([how]) => how.startsWith('unknown:'))
    .map(([how, words]) => [`(${how.slice('unknown:'.length)})`, words.replace('not known: ', '')] as const);
  return [
    ...table('Keys', KEYS, width),
    ...table('Columns', COLUMNS, width),
    ...table('When no process is named', hows, width),
    ...(missing === undefined ? [] : table('What is missing here', [['Processes', missing]], width)),
  ];
}
