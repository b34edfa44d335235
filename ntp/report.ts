// A packet as people read it: decoded by ntp-packet-parser, whose dates hold milliseconds. It reads poll and
// precision without their sign and a reference id as a number; both are put right here.
//
// Refuses: packets that are too short, which the parser would read as zeros. For arithmetic there is header.ts.

import { type NtpPacket, NtpPacketParser } from 'ntp-packet-parser';
import { HEADER_SIZE } from './header.ts';
import { printReferenceId } from './reference.ts';
import { ERA_WINDOW_UNIX } from './timestamp.ts';

export interface PacketReport {
  readonly leapIndicator: number;
  readonly version: number;
  readonly mode: number;
  readonly stratum: number;
  readonly poll: number;
  readonly precision: number;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
  readonly referenceId: string;
  /** Null: unknown. */
  readonly referenceTime: Date | null;
  readonly receiveTime: Date | null;
  readonly transmitTime: Date | null;
}

const EPOCH_1900_MS = Date.UTC(1900, 0, 1);
const ERA_MS = 2 ** 32 * 1000;

function signed(octet: number): number {
  return (octet << 24) >> 24;
}

/** The parser knows era 0 alone: what would lie before the window is of the next era. */
function dateOf(date: Date): Date | null {
  const ms = date.getTime();
  if (ms === EPOCH_1900_MS) return null;
  return ms / 1000 < ERA_WINDOW_UNIX ? new Date(ms + ERA_MS) : date;
}

export function reportPacket(bytes: Uint8Array): PacketReport | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  // Declared as partial; of a whole header it fills in every field.
  const packet = NtpPacketParser.parse(Buffer.from(bytes)) as NtpPacket;
  return {
    leapIndicator: packet.leapIndicator,
    version: packet.version,
    mode: packet.mode,
    stratum: packet.stratum,
    poll: signed(packet.poll),
    precision: signed(packet.precision),
    rootDelayMs: packet.rootDelay.getTime() - EPOCH_1900_MS,
    rootDispersionMs: packet.rootDispersion.getTime() - EPOCH_1900_MS,
    referenceId: printReferenceId(packet.stratum, Buffer.from(bytes).readInt32BE(12)),
    referenceTime: dateOf(packet.referenceTimestamp),
    receiveTime: dateOf(packet.receiveTimestamp),
    transmitTime: dateOf(packet.transmitTimestamp),
  };
}
