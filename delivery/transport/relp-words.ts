// How a RELP session ended, in words for the operator.

import { printSpan } from '../../base/units.ts';
import type { RelpClientEnd } from '../../syslog/relp/client.ts';
import { connectionTrouble, type Trouble } from './trouble.ts';

interface EndOfSession {
  readonly end: Exclude<RelpClientEnd, 'closed'>;
  /** What the session has to say of it. */
  readonly told: string;
  readonly peer: string;
  /** The limit that was exceeded, if it was one. */
  readonly timeoutMs: number;
  /** Messages whose answer was due. */
  readonly waiting: number;
  readonly isOpen: boolean;
  readonly error: Error | undefined;
}

/** What the session has to say when the server has given no reason. */
const NOTHING_SAID = 'the server closed the session';
const SPEAKS_RELP = 'Look whether the server speaks RELP on this port.';

export function relpTrouble(ended: EndOfSession): Trouble {
  const { end, told, peer, timeoutMs } = ended;
  const within = printSpan(timeoutMs);
  switch (end) {
    case 'connection_ended':
      return lostTrouble(ended);
    case 'server_closed':
      // Librelp says nothing with it; then neither does the session.
      return {
        why: `${peer} closed the session${told === NOTHING_SAID ? '' : `: ${told}`}`,
        mend: undefined,
      };
    case 'server_aborted':
      return { why: `${peer} broke the session off${told === '' ? '' : `: ${told}`}`, mend: undefined };
    case 'open_refused':
      return { why: `${peer} refused the session: ${told}`, mend: SPEAKS_RELP };
    case 'open_timeout':
      return { why: `${peer} did not open a session within ${within}`, mend: SPEAKS_RELP };
    case 'answer_timeout':
    case 'close_timeout':
      return {
        why: `${peer} has answered nothing for ${within}`,
        mend: 'Look whether the server can write what it receives: a full disk, a slow destination of its own.',
      };
    case 'bad_frame':
    case 'bad_answer':
    case 'unknown_txnr':
      return { why: `${peer} does not keep to RELP: ${told}`, mend: SPEAKS_RELP };
  }
}

function lostTrouble({ peer, waiting, isOpen, error }: EndOfSession): Trouble {
  if (error !== undefined) return connectionTrouble(error, peer);
  if (!isOpen) return { why: `${peer} ended the connection before a session was open`, mend: SPEAKS_RELP };
  const due =
    waiting === 1 ? 'while one message was unanswered' : `while ${waiting} messages were unanswered`;
  return { why: `${peer} ended the connection${waiting === 0 ? '' : `, ${due}`}`, mend: undefined };
}
