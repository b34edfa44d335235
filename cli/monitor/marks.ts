// What the flag column says of each direction, in iptraf-ng's letters: which TCP flags were seen (S P A U), or how it
// ended. Beside its words there are two of ours, for what it does not know: REFU and NOAN.
// Refuses: to call a state what only one side has done; DONE is a FIN, CLOS a close of both.

import type { SnapshotRow } from '../../client/monitor/capture.port.ts';
import { protocolName } from '../../traffic/events/names.ts';
import { PROTOCOL, TCP_FLAG } from '../../traffic/packet/packet.ts';
import type { Style } from './text.ts';

const LETTERS = [
  ['S', TCP_FLAG.syn],
  ['P', TCP_FLAG.psh],
  ['A', TCP_FLAG.ack],
  ['U', TCP_FLAG.urg],
] as const;

/** Each with what the help says of it. */
export const FLAG_WORDS = {
  DONE: 'this side has sent FIN',
  CLOS: 'both sides are done',
  RSET: 'this side sent RST',
  TMOU: 'silent, with bytes that nobody acknowledged',
  REFU: 'refused by ICMP, "unreachable"',
  NOAN: 'no answer to the SYN',
} as const;

export interface Mark {
  readonly text: string;
  readonly style: Style;
}

function ending(row: SnapshotRow, side: 0 | 1): keyof typeof FLAG_WORDS | undefined {
  const flags = row.flags[side];
  if ((flags & TCP_FLAG.rst) !== 0) return 'RSET';
  if (row.lastTurn === 'noAnswer' && side === 0) return 'NOAN';
  if (row.lastTurn === 'timeout') return 'TMOU';
  if (row.unreachable && row.isEnded) return 'REFU';
  if ((flags & TCP_FLAG.fin) === 0) return undefined;
  return row.isEnded ? 'CLOS' : 'DONE';
}

/** Four letters. */
export function flagMark(row: SnapshotRow, side: 0 | 1): Mark {
  if (row.protocol !== PROTOCOL.tcp) {
    const refused = row.unreachable !== undefined && row.isEnded;
    if (refused) return { text: 'REFU', style: 'bad' };
    return { text: protocolName(row.protocol).slice(0, 4), style: 'plain' };
  }
  const end = ending(row, side);
  if (end === 'CLOS' || end === 'DONE') return { text: end, style: 'plain' };
  if (end === 'TMOU' || end === 'NOAN') return { text: end, style: 'warn' };
  if (end !== undefined) return { text: end, style: 'bad' };
  const flags = row.flags[side];
  return {
    text: LETTERS.map(([letter, bit]) => ((flags & bit) === 0 ? '-' : letter)).join(''),
    style: 'good',
  };
}

/** `=` seen from its SYN, `>` joined while it was open. */
export function originMark(row: SnapshotRow): '=' | '>' {
  return row.isMidstream ? '>' : '=';
}
