// May a packet be answered, by its bytes alone? Modes 3 and 1 are (with 4 and 2), and mode 0 of version 1 that
// does not come from another server's port; everything else gets silence. An answer to an answer would go
// to and fro for ever, and what is not understood is never worth one.
//
// Refuses: to answer what carries a MAC or NTS fields: without keys nothing in it can be confirmed.

import { readTail, TAIL } from './extension.ts';
import { AT, HEADER_SIZE, MODE, modeOf, versionOf } from './header.ts';

/** Why a request got no answer. `acl` and `rate` are decided elsewhere (access.ts, clients.ts). */
export const REASONS = ['acl', 'rate', 'short', 'version', 'mode', 'extension', 'mac'] as const;
export type Reason = (typeof REASONS)[number];

/** 0 is an answer; a reason's number is its place in REASONS and 1. */
export const VERDICT = {
  answer: 0,
  acl: 1,
  rate: 2,
  short: 3,
  version: 4,
  mode: 5,
  extension: 6,
  mac: 7,
} as const satisfies Record<Reason | 'answer', number>;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

const VERSION_MIN = 1;
const VERSION_MAX = 4;
const NTP_PORT = 123;

/** `port` is the sender's. */
export function judgeShape(view: DataView, at: number, length: number, port: number): Verdict {
  if (length < 1) return VERDICT.short;
  const first = view.getUint8(at + AT.first);
  const version = versionOf(first);
  if (version < VERSION_MIN || version > VERSION_MAX) return VERDICT.version;
  if (!isRequest(modeOf(first), version, port)) return VERDICT.mode;
  if (length < HEADER_SIZE) return VERDICT.short;
  return length === HEADER_SIZE ? VERDICT.answer : judgeTail(view, at, length, version);
}

/** In version 1 the mode bits did not exist yet: zero is a client's, unless a server's port sent it. */
function isRequest(mode: number, version: number, port: number): boolean {
  if (mode === MODE.client || mode === MODE.active) return true;
  return mode === MODE.reserved && version === 1 && port !== NTP_PORT;
}

function judgeTail(view: DataView, at: number, length: number, version: number): Verdict {
  switch (readTail(view, at, length, version)) {
    case TAIL.none:
    case TAIL.fields:
      return VERDICT.answer;
    case TAIL.mac:
    case TAIL.cryptoNak:
      return VERDICT.mac;
    case TAIL.nts:
    case TAIL.malformed:
      return VERDICT.extension;
  }
}
