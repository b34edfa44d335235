// Who sends to a listening input, and what the messages get that they do not say themselves. A program of this
// host that names no host, or this one, is taken at its word: its clock is ours. From others the address stands
// for an absent host, and nobody vouches for the time.

import { type Address, printAddress } from '../../../base/ip.ts';
import { isHostName } from '../../../syslog/local.ts';
import type { LogRecord } from '../../../syslog/record.ts';
import type { Instant, ZoneOffset } from '../../../syslog/time.ts';
import type { Received } from '../message.ts';

/** Senders that are remembered; a flood from forged addresses only makes the table begin anew. */
const SENDERS_MAX = 4096;

class Sender {
  readonly address: Address;
  readonly own: Received | undefined;
  readonly foreign: Received;

  constructor(address: Address, zone: ZoneOffset, at: Instant) {
    this.address = address;
    const host = Buffer.from(printAddress(address));
    const isLoopback = isLoopbackAddress(address);
    this.own = isLoopback ? { at, zone, host: undefined, program: undefined, isLocal: true } : undefined;
    this.foreign = { at, zone, host, program: undefined, isLocal: false };
  }
}

/** 127.0.0.0/8 and ::1. */
function isLoopbackAddress({ w0, w1, w2, w3 }: Address): boolean {
  if (w0 !== 0 || w1 !== 0) return false;
  return w2 === 0 ? w3 === 1 : w2 === 0xffff && w3 >>> 24 === 127;
}

export class Senders {
  /** When what is at hand came in; all that `received` gives refers to it. */
  readonly at: Instant = { sec: 0, nanos: 0 };
  readonly #host: Uint8Array;
  readonly #zone: ZoneOffset;
  readonly #senders = new Map<string, Sender>();
  #last: Sender | undefined;

  constructor(host: string, zone: ZoneOffset) {
    this.#host = Buffer.from(host);
    this.#zone = zone;
  }

  received(record: LogRecord, w0: number, w1: number, w2: number, w3: number): Received {
    const { own, foreign } = this.#find(w0, w1, w2, w3);
    if (own === undefined) return foreign;
    const namesOther =
      record.hostStart >= 0 && !isHostName(record.bytes, record.hostStart, record.hostEnd, this.#host);
    return namesOther ? foreign : own;
  }

  #find(w0: number, w1: number, w2: number, w3: number): Sender {
    const last = this.#last?.address;
    if (this.#last && last?.w3 === w3 && last.w2 === w2 && last.w1 === w1 && last.w0 === w0) {
      return this.#last;
    }
    const key = `${w0},${w1},${w2},${w3}`;
    let sender = this.#senders.get(key);
    if (!sender) {
      if (this.#senders.size >= SENDERS_MAX) this.#senders.clear();
      sender = new Sender({ w0, w1, w2, w3 }, this.#zone, this.at);
      this.#senders.set(key, sender);
    }
    this.#last = sender;
    return sender;
  }
}
