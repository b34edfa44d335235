// The NTP packet header (RFC 5905 section 7.3), 48 octets, big endian:
//
//    0  LI(2) VN(3) Mode(3)    1  stratum    2  poll, signed    3  precision, signed; both log2 of seconds
//    4  root delay 16.16       8  root dispersion 16.16        12  reference id
//   16  reference timestamp   24  origin    32  receive        40  transmit        (each 32.32)
//
// Takes and gives fields as they stand on the wire; a stratum of 0 is for the reader to understand as 16.

export const HEADER_SIZE = 48;

export const AT = {
  first: 0,
  stratum: 1,
  poll: 2,
  precision: 3,
  rootDelay: 4,
  rootDispersion: 8,
  referenceId: 12,
  reference: 16,
  origin: 24,
  receive: 32,
  transmit: 40,
} as const;

/** Association modes (RFC 5905 figure 10); 6 and 7 are the control and private messages of ntpd. */
export const MODE = {
  reserved: 0,
  active: 1,
  passive: 2,
  client: 3,
  server: 4,
  broadcast: 5,
  control: 6,
  private: 7,
} as const;

/** Leap indicator (RFC 5905 figure 9). */
export const LEAP = { none: 0, insert: 1, remove: 2, unsynchronised: 3 } as const;
export type Leap = (typeof LEAP)[keyof typeof LEAP];

export interface Stamp {
  readonly seconds: number;
  readonly fraction: number;
}

/** A header as values; for people and for tests, not for the server's path. */
export interface Header {
  readonly leap: number;
  readonly version: number;
  readonly mode: number;
  readonly stratum: number;
  readonly poll: number;
  readonly precision: number;
  readonly rootDelay: number;
  readonly rootDispersion: number;
  readonly referenceId: number;
  readonly reference: Stamp;
  readonly origin: Stamp;
  readonly receive: Stamp;
  readonly transmit: Stamp;
}

export function firstOctet(leap: number, version: number, mode: number): number {
  return (leap << 6) | (version << 3) | mode;
}

export function leapOf(first: number): number {
  return first >>> 6;
}

export function versionOf(first: number): number {
  return (first >>> 3) & 7;
}

export function modeOf(first: number): number {
  return first & 7;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Undefined when there is no whole header. What follows it is not looked at. */
export function readHeader(bytes: Uint8Array): Header | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const view = viewOf(bytes);
  const first = view.getUint8(AT.first);
  const stamp = (at: number): Stamp => ({ seconds: view.getInt32(at), fraction: view.getInt32(at + 4) });
  return {
    leap: leapOf(first),
    version: versionOf(first),
    mode: modeOf(first),
    stratum: view.getUint8(AT.stratum),
    poll: view.getInt8(AT.poll),
    precision: view.getInt8(AT.precision),
    rootDelay: view.getInt32(AT.rootDelay),
    rootDispersion: view.getInt32(AT.rootDispersion),
    referenceId: view.getInt32(AT.referenceId),
    reference: stamp(AT.reference),
    origin: stamp(AT.origin),
    receive: stamp(AT.receive),
    transmit: stamp(AT.transmit),
  };
}

export function writeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = viewOf(bytes);
  view.setUint8(AT.first, firstOctet(header.leap, header.version, header.mode));
  view.setUint8(AT.stratum, header.stratum);
  view.setInt8(AT.poll, header.poll);
  view.setInt8(AT.precision, header.precision);
  view.setInt32(AT.rootDelay, header.rootDelay);
  view.setInt32(AT.rootDispersion, header.rootDispersion);
  view.setInt32(AT.referenceId, header.referenceId);
  const stamps = [header.reference, header.origin, header.receive, header.transmit];
  stamps.forEach(({ seconds, fraction }, at) => {
    view.setInt32(AT.reference + at * 8, seconds);
    view.setInt32(AT.reference + at * 8 + 4, fraction);
  });
  return bytes;
}
