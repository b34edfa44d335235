// Sends RELP clients their answers, and brings their sessions to an end: the last answers are sent, the
// connection is ended for writing, and what the peer still says is passed over until it ends too. Closing it
// with unread bytes would make the kernel throw away what the peer has not read yet.
//
// Limit: the peer has `syslog.handshakeTimeout` to end its side, and STOP_LINGER_MS when the server stops.

import { endSending, readStream, streamError } from '../../kernel/stream.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Closing } from './counts.ts';
import type { RelpSide, RelpTalk } from './relp-talk.ts';

const STOP_LINGER_MS = 250;
/** Reads of what is passed over before others have their turn. */
const READ_AWAY_TURNS = 8;

export interface AnsweringParts {
  readonly connections: Connections;
  readonly relp: RelpSide;
  /** Where what is passed over may be read to. */
  readonly readInto: Buffer;
  /** Offers what waits with the connection to the pipeline again. */
  takeKept(connection: Connection): void;
}

export class Answering {
  lingerMs = 0;
  #isStopping = false;
  readonly #parts: AnsweringParts;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  /** Sends the answers that are there. `isFlushed`: all that was taken before has been written, or cannot be. */
  answer(nowMs: number, isFlushed: boolean): void {
    const { relp, connections } = this.#parts;
    if (isFlushed) relp.isWaitedFor = false;
    while (relp.hasDue) {
      for (const talk of relp.takeDue()) {
        if (!talk.isOver && talk.connection) this.#answerOne(talk.connection, talk, nowMs);
      }
    }
    if (!isFlushed) return;
    for (const connection of connections.parting) connections.close(connection, 'by_peer');
  }

  #answerOne(connection: Connection, talk: RelpTalk, nowMs: number): void {
    const { connections, relp } = this.#parts;
    const sent = talk.isLost ? 'broken' : relp.send(connection.fd, talk);
    if (sent === 'broken') {
      connections.close(connection, talk.isLost ? 'not_synced' : 'reset');
      return;
    }
    if (talk.session.ending !== undefined) this.#part(connection, talk, sent === 'sent', nowMs);
    else if (connection.isStalled && !connection.isHeld && !talk.session.isFull)
      this.#parts.takeKept(connection);
    connections.rewatch(connection);
  }

  #part(connection: Connection, talk: RelpTalk, isSent: boolean, nowMs: number): void {
    if (talk.session.ending) this.#parts.relp.countEnd(talk, talk.session.ending);
    connection.closesAtMs ??= nowMs + this.#lingerMax;
    if (!isSent) return;
    endSending(connection.fd);
    if (connection.hasEnded) this.#parts.connections.close(connection, connection.closing);
  }

  get #lingerMax(): number {
    return this.#isStopping ? STOP_LINGER_MS : this.lingerMs;
  }

  /** Closes who was told to end and does not. */
  checkEnd(connection: Connection, nowMs: number): void {
    const leftMs = (connection.closesAtMs ?? nowMs) - nowMs;
    // A clock that was set back gives nobody more time.
    if (leftMs <= 0 || leftMs > Math.max(this.lingerMs, STOP_LINGER_MS))
      this.#parts.connections.close(connection, connection.closing);
  }

  /** The peer has ended. If it has only stopped to send, it gets the answers that the next flush brings. */
  peerEnded(connection: Connection, talk: RelpTalk, why: Closing): void {
    const { connections, relp } = this.#parts;
    if (why !== 'by_peer' || talk.session.unanswered === 0) {
      connections.close(connection, why);
      return;
    }
    connections.parting.add(connection);
    connections.rewatch(connection);
    relp.isWaitedFor = true;
  }

  /** After the end of a session: what the peer says is passed over, until it ends too. */
  readAway(connection: Connection): void {
    for (let turns = 0; turns < READ_AWAY_TURNS; turns += 1) {
      const count = readStream(connection.fd, this.#parts.readInto);
      if (count > 0) continue;
      const waits = count < 0 && ['EAGAIN', 'EINTR'].includes(streamError());
      if (!waits) this.#parts.connections.close(connection, connection.closing);
      return;
    }
  }

  /** We end the session: what was taken is answered still, and nothing more is. */
  end(connection: Connection, talk: RelpTalk, why: Closing): void {
    connection.closing = why;
    talk.session.stop();
    this.#parts.relp.makeDue(talk);
    // What waits here was not taken, and is passed over now: the client will send it again.
    if (connection.keptBytes > 0 || connection.isHeld) this.#parts.takeKept(connection);
  }

  /** The server stops. May be called again and again until nobody is left. */
  stop(connection: Connection, talk: RelpTalk): void {
    this.#isStopping = true;
    if (connection.closesAtMs !== undefined) this.readAway(connection);
    else this.end(connection, talk, 'stopped');
  }
}
