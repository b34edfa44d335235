// Where the addresses stand in an IP header (RFC 791, RFC 8200 section 3): of a packet, and of one that an ICMP error
// quotes. Refuses: to look whether the header is whole; whoever calls has.

import { V4_MAPPED } from '../../base/ip.ts';
import type { Ends } from './packet.ts';
import { u32 } from './read.ts';

export function takeAddressesV4(bytes: Uint8Array, at: number, ends: Ends): void {
  ends.src0 = ends.src1 = ends.dst0 = ends.dst1 = 0;
  ends.src2 = ends.dst2 = V4_MAPPED;
  ends.src3 = u32(bytes, at + 12);
  ends.dst3 = u32(bytes, at + 16);
}

export function takeAddressesV6(bytes: Uint8Array, at: number, ends: Ends): void {
  ends.src0 = u32(bytes, at + 8);
  ends.src1 = u32(bytes, at + 12);
  ends.src2 = u32(bytes, at + 16);
  ends.src3 = u32(bytes, at + 20);
  ends.dst0 = u32(bytes, at + 24);
  ends.dst1 = u32(bytes, at + 28);
  ends.dst2 = u32(bytes, at + 32);
  ends.dst3 = u32(bytes, at + 36);
}
