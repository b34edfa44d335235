// What stands before a filter in the kernel: which interfaces count, and that a packet on loopback counts once. It passes
// there as sent and as received; the copy that is sent is refused, as libpcap does. Refused packets are in no count of
// the kernel's. Refuses: to look at a packet's bytes.

import { Assembler, OP } from './assemble.ts';

/** What the kernel tells of a packet besides its bytes: offsets from SKF_AD_OFF (linux/filter.h). */
const OFFSET = -0x1000;
export const AD = {
  protocol: (OFFSET + 0) >>> 0,
  packetType: (OFFSET + 4) >>> 0,
  interfaceIndex: (OFFSET + 8) >>> 0,
  deviceType: (OFFSET + 28) >>> 0,
} as const;
/** linux/if_arp.h, ARPHRD_LOOPBACK; linux/if_packet.h, PACKET_OUTGOING. */
const LOOPBACK = 772;
const OUTGOING = 4;

export interface Gate {
  /** Indices of the interfaces that count; undefined: all. */
  readonly interfaces: readonly number[] | undefined;
}

/** Behind these lines are the packets that may pass. */
export function emitGate(code: Assembler, { interfaces }: Gate): void {
  const [pass, second, refuse, chosen] = [code.label(), code.label(), code.label(), code.label()];
  code.emit(OP.loadHalf, AD.deviceType);
  code.branch(OP.ifEqual, LOOPBACK, second, chosen);
  code.place(second);
  code.emit(OP.loadWord, AD.packetType);
  code.branch(OP.ifEqual, OUTGOING, refuse, chosen);
  code.place(chosen);
  if (interfaces) {
    code.emit(OP.loadWord, AD.interfaceIndex);
    for (const index of interfaces) {
      const next = code.label();
      code.branch(OP.ifEqual, index, pass, next);
      code.place(next);
    }
  } else {
    code.goto(pass);
  }
  code.place(refuse);
  code.emit(OP.answer, 0);
  code.place(pass);
}

/** A gate without a filter behind it. */
export function compileGate(gate: Gate, snapBytes: number): Buffer | undefined {
  const code = new Assembler();
  emitGate(code, gate);
  code.emit(OP.answer, snapBytes);
  return code.assemble();
}
