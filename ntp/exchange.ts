// One question to a server and what its answer says, as a client must judge it (RFC 5905 section 8, RFC 8633
// section 5.1): the question gives nothing away but a random number that the answer must bring back; an
// answer that fails a test changes nothing and says which one.
//
// Signs: an offset is what must be added to our clock; positive, we are behind.

import { LEAP, MODE, type Header, readHeader, type Stamp, writeHeader } from './header.ts';
import { kissCode } from './reference.ts';
import { decodeShort } from './short.ts';
import { isUnknown, nanosBetween } from './timestamp.ts';

const ZERO: Stamp = { seconds: 0, fraction: 0 };
/** "I do not say": what chrony and NTPsec send too. */
const PRECISION_HIDDEN = 32;
/** RFC 5905 section 7.2, MAXDISP. */
const DISTANCE_MAX_SEC = 16;
const STRATUM_MAX = 15;

/** `cookie`: 64 bits that nobody can guess. */
export function makeQuestion(cookie: Stamp, version = 4): Uint8Array {
  return writeHeader({
    leap: LEAP.none,
    version,
    mode: MODE.client,
    stratum: 0,
    poll: 0,
    precision: PRECISION_HIDDEN,
    rootDelay: 0,
    rootDispersion: 0,
    referenceId: 0,
    reference: ZERO,
    origin: ZERO,
    receive: ZERO,
    transmit: cookie,
  });
}

export type Reply =
  /** A time that can be used. */
  | { readonly kind: 'time'; readonly header: Header }
  /** A true answer of a server that does not know the time, or asks us to go away. */
  | { readonly kind: 'refusal'; readonly header: Header; readonly why: string }
  /** Not an answer to our question. */
  | { readonly kind: 'stray'; readonly why: string };

export function judgeReply(bytes: Uint8Array, cookie: Stamp): Reply {
  const header = readHeader(bytes);
  if (!header) return stray('it is shorter than an NTP packet');
  if (header.mode !== MODE.server) return stray(`it has mode ${header.mode}, not 4`);
  if (header.version < 1 || header.version > 4) return stray(`it has version ${header.version}`);
  const { origin } = header;
  if (origin.seconds !== cookie.seconds || origin.fraction !== cookie.fraction)
    return stray('it does not bring back what we sent');
  const why = whyNoTime(header);
  return why === undefined ? { kind: 'time', header } : { kind: 'refusal', header, why };
}

function stray(why: string): Reply {
  return { kind: 'stray', why };
}

/** In a kiss-o'-death the times mean nothing, so it is looked for first. */
function whyNoTime(header: Header): string | undefined {
  const kiss = kissCode(header.stratum, header.referenceId);
  if (kiss !== undefined) return `it sends the kiss code ${kiss}`;
  if (header.leap === LEAP.unsynchronised || header.stratum === 0) return 'it is not synchronised';
  if (header.stratum > STRATUM_MAX) return `its stratum ${header.stratum} means "not synchronised"`;
  if (isUnknown(header.receive.seconds, header.receive.fraction)) return 'its receive time is unknown';
  if (isUnknown(header.transmit.seconds, header.transmit.fraction)) return 'its transmit time is unknown';
  if (rootDistanceSec(header) >= DISTANCE_MAX_SEC) return 'its root distance is 16 s or more';
  return undefined;
}

/** How far the server itself may be off, by its own account. */
export function rootDistanceSec(header: Header): number {
  return decodeShort(header.rootDelay) / 2 + decodeShort(header.rootDispersion);
}

export interface Sample {
  readonly offsetNs: number;
  readonly delayNs: number;
}

/** `sent` and `received` on our clock; the server's two times in between. */
export function sampleOf(header: Header, sent: Stamp, received: Stamp): Sample {
  const there = between(header.receive, sent);
  const back = between(header.transmit, received);
  const delayNs = between(received, sent) - between(header.transmit, header.receive);
  // Less than the server's own precision is not a measurement (a fast clock makes it negative).
  return { offsetNs: (there + back) / 2, delayNs: Math.max(delayNs, 2 ** header.precision * 1e9) };
}

function between(a: Stamp, b: Stamp): number {
  return nanosBetween(a.seconds, a.fraction, b.seconds, b.fraction);
}

/** Of several, the one that was held up least: its offset is the most certain. */
export function bestOf(samples: readonly Sample[]): Sample | undefined {
  return samples.reduce<Sample | undefined>(
    (best, one) => (best === undefined || one.delayNs < best.delayNs ? one : best),
    undefined,
  );
}

/** Root mean square of the others' offsets against the best one's (RFC 5905 section 10). */
export function jitterNs(samples: readonly Sample[]): number {
  const best = bestOf(samples);
  if (best === undefined || samples.length < 2) return 0;
  const squares = samples.reduce((sum, one) => sum + (one.offsetNs - best.offsetNs) ** 2, 0);
  return Math.sqrt(squares / (samples.length - 1));
}
