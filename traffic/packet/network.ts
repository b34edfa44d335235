// IPv4 with options and fragments, IPv6 with extension headers. Fills addresses, protocol, lengths and where the
// protocol's header begins. A length of 0 is what segmentation offload leaves behind; the frame's own then counts.
// Bad checksums are not looked at: with offload the sender's host never sees a good one.
//
// Refuses: to put fragments together. A later fragment has no ports, and says so.

import { takeAddressesV4, takeAddressesV6 } from './addresses.ts';
import { type Outcome, type Packet, PROTOCOL } from './packet.ts';
import { u16 } from './read.ts';

const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
/** RFC 8200 section 4.1 names each header at most once or twice. */
const EXTENSIONS_MAX = 16;

/** Extension headers (IANA): hop-by-hop, routing, destination, mobility, HIP, shim6 count in 8 bytes. */
const EXTENSION = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;
const OTHER_EXTENSIONS: readonly number[] = [135, 139, 140];

/** `frameEnd` is where the packet ended on the wire, which may lie behind what was captured. */
export function decodeIpv4(
  bytes: Uint8Array,
  at: number,
  end: number,
  frameEnd: number,
  packet: Packet,
): Outcome {
  if (at + IPV4_BYTES > end) return 'truncated';
  const first = bytes[at] as number;
  const headerBytes = (first & 15) * 4;
  const total = u16(bytes, at + 2);
  if (first >> 4 !== 4 || headerBytes < IPV4_BYTES || (total !== 0 && total < headerBytes))
    return 'malformed';
  const fragment = u16(bytes, at + 6);
  packet.version = 4;
  packet.protocol = bytes[at + 9] as number;
  takeAddressesV4(bytes, at, packet);
  packet.isFragment = (fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0;
  packet.isLaterFragment = (fragment & FRAGMENT_OFFSET) !== 0;
  setLengths(packet, at, total === 0 ? Math.max(headerBytes, frameEnd - at) : total, headerBytes, end);
  packet.isLengthGuessed = total === 0;
  return 'ip';
}

function setLengths(packet: Packet, at: number, ipBytes: number, headerBytes: number, end: number): void {
  packet.ipStart = at;
  packet.ipBytes = ipBytes;
  packet.transportStart = at + headerBytes;
  packet.transportBytes = ipBytes - headerBytes;
  packet.payloadStart = packet.transportStart;
  packet.payloadBytes = packet.transportBytes;
  packet.capturedEnd = Math.min(end, at + ipBytes);
}

export function decodeIpv6(
  bytes: Uint8Array,
  at: number,
  end: number,
  frameEnd: number,
  packet: Packet,
): Outcome {
  if (at + IPV6_BYTES > end) return 'truncated';
  if ((bytes[at] as number) >> 4 !== 6) return 'malformed';
  const next = bytes[at + 6] as number;
  const length = u16(bytes, at + 4);
  packet.version = 6;
  packet.protocol = next;
  takeAddressesV6(bytes, at, packet);
  // Neither TCP nor a jumbo option (RFC 2675) fits into no bytes; other packets may be empty, and padded.
  const isGuessed = length === 0 && (next === PROTOCOL.tcp || next === EXTENSION.hopByHop);
  setLengths(
    packet,
    at,
    isGuessed ? Math.max(IPV6_BYTES, frameEnd - at) : IPV6_BYTES + length,
    IPV6_BYTES,
    end,
  );
  packet.isLengthGuessed = isGuessed;
  passExtensions(bytes, packet);
  return 'ip';
}

function isExtension(protocol: number): boolean {
  return (
    protocol === EXTENSION.hopByHop ||
    protocol === EXTENSION.routing ||
    protocol === EXTENSION.fragment ||
    protocol === EXTENSION.authentication ||
    protocol === EXTENSION.destination ||
    OTHER_EXTENSIONS.includes(protocol)
  );
}

/**
 * Stops at what is no extension, at a later fragment, and where the capture ends: then the number of the
 * extension that was not passed stays the protocol.
 */
function passExtensions(bytes: Uint8Array, packet: Packet): void {
  let at = packet.transportStart;
  for (let count = 0; count < EXTENSIONS_MAX && isExtension(packet.protocol); count += 1) {
    if (at + 8 > packet.capturedEnd || packet.isLaterFragment) break;
    const kind = packet.protocol;
    const length = bytes[at + 1] as number;
    packet.protocol = bytes[at] as number;
    if (kind === EXTENSION.fragment) {
      packet.isFragment = true;
      packet.isLaterFragment = u16(bytes, at + 2) >> 3 !== 0;
      at += 8;
    } else {
      at += kind === EXTENSION.authentication ? (length + 2) * 4 : (length + 1) * 8;
    }
  }
  packet.transportStart = at;
  packet.transportBytes = Math.max(0, packet.ipBytes - (at - packet.ipStart));
  packet.payloadStart = at;
  packet.payloadBytes = packet.transportBytes;
}
