// One connection of a lane, whatever is spoken on it: what it is, how far it has come, and what waits with it.
// The intake (stream-intake.ts) is the only one who changes it.

import type { Framer } from '../../syslog/framing.ts';
import type { ProxyHeader } from '../../syslog/proxy.ts';
import type { Closing } from './counts.ts';
import type { LaneSocket } from './lane.port.ts';
import type { Peer } from './peers.ts';
import type { RelpTalk } from './relp-talk.ts';

/** How a message came, as the JSON form tells it. */
export type Via = 'tcp' | 'tls' | 'relp' | 'relps';

/** What is known of a connection when it begins. */
export interface Origin {
  readonly fd: number;
  readonly listener: number;
  readonly via: Via;
  readonly speaks: 'syslog' | 'relp';
}

export interface Connection extends Origin {
  readonly token: number;
  readonly openedAtMs: number;
  peer: Peer;
  /** Under which source it is counted against the limit; undefined for a balancer's own. */
  source: string | undefined;
  /** Until the balancer has said for whom it connects. */
  header: ProxyHeader | undefined;
  /** A balancer's own connection, and the balancer may not send messages. */
  isMute: boolean;
  /** One of the two: what tells messages apart. */
  readonly framer: Framer | undefined;
  readonly relp: RelpTalk | undefined;
  activeAtMs: number;
  /** What the readiness queue watches it for (WATCH of kernel/stream.ts); 0: it does not. */
  watched: number;
  /** Bytes that wait with the connection: an unfinished frame, or what was read and could not be taken. */
  keptBytes: number;
  /** A file in trouble could not take its message. */
  isHeld: boolean;
  /** RELP: its window is full, or it does not read its answers. */
  isStalled: boolean;
  /** The peer has ended; what waits here is all that will come. */
  hasEnded: boolean;
  /** RELP: the session is over and told to be; set to when the connection is closed at the latest. */
  closesAtMs: number | undefined;
  /** What its end is counted as, then. */
  closing: Closing;
  isClosed: boolean;
}

/** A listening socket, as it stands in the token table. */
export interface StreamListener {
  readonly socket: LaneSocket;
  readonly token: number;
}

/** Small numbers for things that the readiness queue tells of. */
export class Tokens<T> {
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];

  give<Given extends T>(thing: (token: number) => Given): Given {
    const token = this.#free.pop() ?? this.#things.push(undefined) - 1;
    const made = thing(token);
    this.#things[token] = made;
    return made;
  }

  get(token: number): T | undefined {
    return this.#things[token];
  }

  release(token: number): void {
    this.#things[token] = undefined;
    this.#free.push(token);
  }
}
