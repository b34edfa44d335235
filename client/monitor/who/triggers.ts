// Which packets make the thread look somebody up, as a program of classic BPF for a cooked socket, and how they are read:
// a SYN that goes out (a client here), a SYN-ACK that goes out (a server here), a SYN-ACK that comes in (a second chance
// for a client). A SYN that comes in is not among them, so that a flood of them costs nothing. On loopback the copy that
// is sent counts, which comes first.
//
// Refuses: later fragments, and IPv6 with extension headers before TCP: such connections are looked up when asked for.

import { assert } from '../../../base/assert.ts';
import { type Address, V4_MAPPED } from '../../../base/ip.ts';
import { Assembler, type Label, OP } from '../../../traffic/filter/assemble.ts';
import { compileBpf } from '../../../traffic/filter/bpf.ts';
import { AD } from '../../../traffic/filter/gate.ts';
import { parseFilter } from '../../../traffic/filter/parse.ts';
import { PROTOCOL } from '../../../traffic/packet/packet.ts';

/** linux/if_packet.h, PACKET_OUTGOING; linux/if_arp.h, ARPHRD_LOOPBACK. */
const OUTGOING = 4;
const LOOPBACK = 772;
/** RFC 9293 section 3.1: the low bits of byte 13. RST, SYN, FIN and ACK tell the two from all else. */
const FLAGS_AT = 13;
const FLAGS = 0x17;
const SYN = 0x02;
const SYN_ACK = 0x12;
const V6_HEADER = 40;
/** Below it a privilege is needed, so that it is a service which answers, not a client (IANA system ports). */
const SYSTEM_PORTS = 1024;

function refuseUnless(code: Assembler, op: number, constant: number, refuse: Label): void {
  const next = code.label();
  code.branch(op, constant, next, refuse);
  code.place(next);
}

/**
 * Goes on behind the IP header of a packet of this protocol, later fragments refused: `atV6` and `atV4` are how the
 * accumulator is loaded there, the one from a place, the other from a place behind the header that X tells.
 */
function emitBehindIp(
  code: Assembler,
  protocol: number,
  refuse: Label,
  atV6: readonly [op: number, place: number],
  atV4: readonly [op: number, place: number],
): void {
  const [v4, v6, loaded, first] = [code.label(), code.label(), code.label(), code.label()];
  code.emit(OP.loadByte, 0);
  code.emit(OP.and, 0xf0);
  code.branch(OP.ifEqual, 0x60, v6, v4);
  code.place(v6);
  code.emit(OP.loadByte, 6);
  refuseUnless(code, OP.ifEqual, protocol, refuse);
  code.emit(...atV6);
  code.goto(loaded);
  code.place(v4);
  refuseUnless(code, OP.ifEqual, 0x40, refuse);
  code.emit(OP.loadByte, 9);
  refuseUnless(code, OP.ifEqual, protocol, refuse);
  code.emit(OP.loadHalf, 6);
  code.branch(OP.ifAnyBit, 0x1fff, refuse, first);
  code.place(first);
  code.emit(OP.loadHeaderLength, 0);
  code.emit(...atV4);
  code.place(loaded);
}

/** Goes on with the flags of the TCP header as the accumulator. */
function emitFlags(code: Assembler, refuse: Label): void {
  const { tcp } = PROTOCOL;
  emitBehindIp(code, tcp, refuse, [OP.loadByte, V6_HEADER + FLAGS_AT], [OP.loadByteAtX, FLAGS_AT]);
  code.emit(OP.and, FLAGS);
}

/** A packet that is too short ends the program by itself, with 0: it is refused. */
function emitTriggers(code: Assembler, pass: Label, refuse: Label): void {
  const [sent, came, foreign] = [code.label(), code.label(), code.label()];
  code.emit(OP.loadWord, AD.packetType);
  code.branch(OP.ifEqual, OUTGOING, sent, foreign);
  code.place(foreign);
  code.emit(OP.loadHalf, AD.deviceType);
  code.branch(OP.ifEqual, LOOPBACK, refuse, came);
  code.place(sent);
  emitFlags(code, refuse);
  const other = code.label();
  code.branch(OP.ifEqual, SYN, pass, other);
  code.place(other);
  code.branch(OP.ifEqual, SYN_ACK, pass, refuse);
  code.place(came);
  emitFlags(code, refuse);
  code.branch(OP.ifEqual, SYN_ACK, pass, refuse);
}

/** `filter` narrows it further; one that is too large for the kernel, or wrong, does not. */
export function compileTriggers(filter: string | undefined, snapBytes: number): Buffer {
  return compileWith(filter, snapBytes, emitTriggers);
}

/** UDP that this host sends, but from system ports and from those of `exceptPorts`. */
export function compileDatagrams(
  filter: string | undefined,
  snapBytes: number,
  exceptPorts: readonly number[],
): Buffer {
  return compileWith(filter, snapBytes, (code, pass, refuse) => {
    code.emit(OP.loadWord, AD.packetType);
    refuseUnless(code, OP.ifEqual, OUTGOING, refuse);
    emitUdpSourcePort(code, refuse);
    refuseUnless(code, OP.ifAtLeast, SYSTEM_PORTS, refuse);
    for (const port of exceptPorts) {
      const next = code.label();
      code.branch(OP.ifEqual, port, refuse, next);
      code.place(next);
    }
    code.goto(pass);
  });
}

/** Goes on with the source port as the accumulator. */
function emitUdpSourcePort(code: Assembler, refuse: Label): void {
  emitBehindIp(code, PROTOCOL.udp, refuse, [OP.loadHalf, V6_HEADER], [OP.loadHalfAtX, 0]);
}

function compileWith(
  filter: string | undefined,
  snapBytes: number,
  emit: (code: Assembler, pass: Label, refuse: Label) => void,
): Buffer {
  const parsed = filter === undefined ? undefined : parseFilter(filter);
  const narrower = parsed?.expression && compileBpf(parsed.expression, 'raw', snapBytes);
  const code = new Assembler();
  const [pass, refuse] = [code.label(), code.label()];
  emit(code, pass, refuse);
  code.place(refuse);
  code.emit(OP.answer, 0);
  code.place(pass);
  if (!narrower) code.emit(OP.answer, snapBytes);
  const own = code.assemble();
  assert(own !== undefined, 'a program without long jumps fits');
  // The filter's own program stands where this one passes.
  return narrower ? Buffer.concat([own, narrower]) : own;
}

export interface PacketEnds {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly destinationPort: number;
}

/** One that passed: whose SYN or SYN-ACK. */
export interface Trigger extends PacketEnds {
  /** False: a SYN. */
  readonly isAnswer: boolean;
  /** A SYN that is sent again has the number of the first. */
  readonly sequence: number;
}

function wordsAt(bytes: Buffer, at: number): Address {
  return {
    w0: bytes.readUInt32BE(at),
    w1: bytes.readUInt32BE(at + 4),
    w2: bytes.readUInt32BE(at + 8),
    w3: bytes.readUInt32BE(at + 12),
  };
}

function mappedAt(bytes: Buffer, at: number): Address {
  return { w0: 0, w1: 0, w2: V4_MAPPED, w3: bytes.readUInt32BE(at) };
}

/** Where the header behind that of IP begins; undefined: the packet is of another protocol, or cut. */
function transportAt(bytes: Buffer, start: number, end: number, protocol: number): number | undefined {
  if (end - start < 20) return undefined;
  const first = bytes.readUInt8(start);
  const isV6 = first >>> 4 === 6;
  if (!isV6 && first >>> 4 !== 4) return undefined;
  const at = start + (isV6 ? V6_HEADER : (first & 0x0f) * 4);
  // The ports of UDP and all that is read of TCP.
  const needed = protocol === PROTOCOL.tcp ? FLAGS_AT + 1 : 4;
  return at + needed <= end && bytes.readUInt8(start + (isV6 ? 6 : 9)) === protocol ? at : undefined;
}

/** Reads a packet from its network header on; undefined: it is none of these. */
export function readTrigger(bytes: Buffer, start: number, end: number): Trigger | undefined {
  const tcp = transportAt(bytes, start, end, PROTOCOL.tcp);
  if (tcp === undefined) return undefined;
  const flags = bytes.readUInt8(tcp + FLAGS_AT) & FLAGS;
  if (flags !== SYN && flags !== SYN_ACK) return undefined;
  const sequence = bytes.readUInt32BE(tcp + 4);
  return { isAnswer: flags === SYN_ACK, sequence, ...readEnds(bytes, start, tcp) };
}

/** The ends of a UDP packet. */
export function readDatagram(bytes: Buffer, start: number, end: number): PacketEnds | undefined {
  const udp = transportAt(bytes, start, end, PROTOCOL.udp);
  return udp === undefined ? undefined : readEnds(bytes, start, udp);
}

function readEnds(bytes: Buffer, start: number, transport: number): PacketEnds {
  const isV6 = bytes.readUInt8(start) >>> 4 === 6;
  return {
    source: isV6 ? wordsAt(bytes, start + 8) : mappedAt(bytes, start + 12),
    sourcePort: bytes.readUInt16BE(transport),
    destination: isV6 ? wordsAt(bytes, start + 24) : mappedAt(bytes, start + 16),
    destinationPort: bytes.readUInt16BE(transport + 2),
  };
}
