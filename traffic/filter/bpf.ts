// The kernel's part of a filter. Promises: no packet that the filter wants is ever refused by the kernel; for a
// packet without tags, tunnels, extension headers and damage both say the same. What the few instructions of
// classic BPF cannot judge (tags, labels, tunnels, ICMP errors with their quotes, odd lengths) goes up to match.ts.
//
// The expression is compiled three times, for IPv4, for IPv6 and for neither, since each knows many answers.
// Refuses: filters too large for it: undefined, and every packet goes up.

import { type Range, V4_MAPPED } from '../../base/ip.ts';
import { VXLAN_PORT } from '../packet/decode.ts';
import { ETHER } from '../packet/link.ts';
import { PROTOCOL } from '../packet/packet.ts';
import { Assembler, type Label, OP } from './assemble.ts';
import type { Direction, Expression, Test } from './expression.ts';
import { AD, emitGate, type Gate } from './gate.ts';
import { PORT_PROTOCOLS } from './match.ts';

/**
 * How a socket sees packets: with an Ethernet header, from the IP header on, or from the network header on with its
 * ethertype beside it (a cooked packet socket).
 */
export type BpfLink = 'ethernet' | 'raw' | 'cooked';

const ETHERNET_BYTES = 14;
/** Where a program finds the ethertype; of a cooked packet the kernel tells it. */
const ETHER_TYPE_AT = { ethernet: 12, cooked: AD.protocol, raw: undefined } as const;
const ETHER_TYPE_MIN = 0x0600;
/** Something stands between Ethernet and IP. */
const TAGGED = [ETHER.vlan, ETHER.qinq, ETHER.qinqOld, ETHER.mpls, ETHER.mplsMulticast, ETHER.pppoeSession];
const TUNNELS = [PROTOCOL.ipInIp, PROTOCOL.ip6InIp, PROTOCOL.gre];
const ICMP_ERRORS_V4 = [3, 4, 5, 11, 12];
const ICMP_ERRORS_V6 = [1, 2, 3, 4];
const LATER_FRAGMENT = 0x1fff;

/** What one of the three compilations knows. */
interface Section {
  readonly code: Assembler;
  readonly version: 0 | 4 | 6;
  /** Where the network header begins. */
  readonly base: number;
  readonly yes: Label;
  readonly no: Label;
  readonly etherTypeAt: number | undefined;
}

/** The bytes of a program that keeps `snapBytes` of each packet that may pass, and that the gate lets through. */
export function compileBpf(
  expression: Expression,
  link: BpfLink,
  snapBytes: number,
  gate?: Gate,
): Buffer | undefined {
  const code = new Assembler();
  if (gate) emitGate(code, gate);
  const sections = [code.label(), code.label(), code.label()] as const;
  const etherTypeAt = ETHER_TYPE_AT[link];
  const base = link === 'ethernet' ? ETHERNET_BYTES : 0;
  emitTop(code, sections, etherTypeAt, base, snapBytes);
  for (const [at, version] of ([0, 4, 6] as const).entries()) {
    code.place(sections[at] as Label);
    const [yes, no] = [code.label(), code.label()];
    const section = { code, version, base, yes, no, etherTypeAt };
    if (version === 4) emitChecksV4(section);
    if (version === 6) emitChecksV6(section);
    emitExpression(expression, yes, no, section);
    code.place(yes);
    code.emit(OP.answer, snapBytes);
    code.place(no);
    code.emit(OP.answer, 0);
  }
  return code.assemble();
}

type Tops = readonly [Label, Label, Label];

/** Goes on behind this line if the test holds, else to `no`. */
function demand(code: Assembler, op: number, constant: number, no: Label): void {
  const next = code.label();
  code.branch(op, constant, next, no);
  code.place(next);
}

/** Goes to `yes` if the test holds, else on. */
function divert(code: Assembler, op: number, constant: number, yes: Label): void {
  const next = code.label();
  code.branch(op, constant, yes, next);
  code.place(next);
}

/** To the section of the packet's network protocol: by the ethertype, or where there is none by the first four bits. */
function emitTop(
  code: Assembler,
  [other, v4, v6]: Tops,
  etherTypeAt: number | undefined,
  base: number,
  snapBytes: number,
): void {
  const [unsure, near4, near6] = [code.label(), code.label(), code.label()];
  code.emit(OP.loadLength);
  if (etherTypeAt === undefined) {
    demand(code, OP.ifAtLeast, 1, unsure);
    code.emit(OP.loadByte, 0);
    code.emit(OP.and, 0xf0);
    divert(code, OP.ifEqual, 0x40, near4);
    divert(code, OP.ifEqual, 0x60, near6);
  } else {
    demand(code, OP.ifAtLeast, base, unsure);
    code.emit(OP.loadHalf, etherTypeAt);
    divert(code, OP.ifEqual, ETHER.ipv4, near4);
    divert(code, OP.ifEqual, ETHER.ipv6, near6);
    demand(code, OP.ifAtLeast, ETHER_TYPE_MIN, unsure);
    for (const tag of TAGGED) divert(code, OP.ifEqual, tag, unsure);
  }
  code.goto(other);
  code.place(near4);
  code.goto(v4);
  code.place(near6);
  code.goto(v6);
  code.place(unsure);
  code.emit(OP.answer, snapBytes);
}

/** Whatever an IPv4 header may hide goes up; behind these lines the ports are where they should be. */
function emitChecksV4({ code, base, yes: unsure }: Section): void {
  const body = code.label();
  code.emit(OP.loadLength);
  demand(code, OP.ifAtLeast, base + 20, unsure);
  code.emit(OP.loadByte, base);
  code.emit(OP.and, 0xf0);
  demand(code, OP.ifEqual, 0x40, unsure);
  code.emit(OP.loadHeaderLength, base);
  code.emit(OP.loadByte, base);
  code.emit(OP.and, 0x0f);
  demand(code, OP.ifAtLeast, 5, unsure);
  code.emit(OP.loadHalf, base + 2);
  demand(code, OP.ifAtLeastX, 0, unsure);
  code.emit(OP.loadHalf, base + 6);
  divert(code, OP.ifAnyBit, LATER_FRAGMENT, body);
  const transport = code.label();
  code.emit(OP.loadByte, base + 9);
  for (const tunnel of TUNNELS) divert(code, OP.ifEqual, tunnel, unsure);
  for (const protocol of [PROTOCOL.icmp, ...PORT_PROTOCOLS]) divert(code, OP.ifEqual, protocol, transport);
  code.goto(body);
  code.place(transport);
  emitTransportV4(code, base, unsure, body);
  code.place(body);
}

/** Four bytes of the transport header must lie both within the IP length and within the frame. */
function emitTransportV4(code: Assembler, base: number, unsure: Label, body: Label): void {
  const [icmp, udp] = [code.label(), code.label()];
  code.emit(OP.loadHalf, base + 2);
  code.emit(OP.subtractX);
  demand(code, OP.ifAtLeast, 4, unsure);
  code.emit(OP.loadLength);
  demand(code, OP.ifAtLeastX, 0, unsure);
  code.emit(OP.subtractX);
  demand(code, OP.ifAtLeast, base + 4, unsure);
  code.emit(OP.loadByte, base + 9);
  divert(code, OP.ifEqual, PROTOCOL.icmp, icmp);
  divert(code, OP.ifEqual, PROTOCOL.udp, udp);
  code.goto(body);
  code.place(icmp);
  code.emit(OP.loadByteAtX, base);
  for (const type of ICMP_ERRORS_V4) divert(code, OP.ifEqual, type, unsure);
  code.goto(body);
  code.place(udp);
  code.emit(OP.loadHalfAtX, base + 2);
  divert(code, OP.ifEqual, VXLAN_PORT, unsure);
}

function emitChecksV6({ code, base, yes: unsure }: Section): void {
  const [body, icmp, known] = [code.label(), code.label(), code.label()];
  code.emit(OP.loadLength);
  demand(code, OP.ifAtLeast, base + 44, unsure);
  code.emit(OP.loadByte, base);
  code.emit(OP.and, 0xf0);
  demand(code, OP.ifEqual, 0x60, unsure);
  code.emit(OP.loadHalf, base + 4);
  demand(code, OP.ifAtLeast, 4, unsure);
  code.emit(OP.loadByte, base + 6);
  divert(code, OP.ifEqual, PROTOCOL.icmp6, icmp);
  for (const protocol of PORT_PROTOCOLS) divert(code, OP.ifEqual, protocol, known);
  code.goto(unsure);
  code.place(icmp);
  code.emit(OP.loadByte, base + 40);
  for (const type of ICMP_ERRORS_V6) divert(code, OP.ifEqual, type, unsure);
  code.goto(body);
  code.place(known);
  demand(code, OP.ifEqual, PROTOCOL.udp, body);
  code.emit(OP.loadHalf, base + 42);
  divert(code, OP.ifEqual, VXLAN_PORT, unsure);
  code.place(body);
}

function emitExpression(expression: Expression, yes: Label, no: Label, section: Section): void {
  const { code } = section;
  if (expression.kind === 'not') {
    emitExpression(expression.of, no, yes, section);
  } else if (expression.kind === 'and' || expression.kind === 'or') {
    const right = code.label();
    const isAnd = expression.kind === 'and';
    emitExpression(expression.left, isAnd ? right : yes, isAnd ? no : right, section);
    code.place(right);
    emitExpression(expression.right, yes, no, section);
  } else {
    emitTest(expression, yes, no, section);
  }
}

function emitTest(test: Test, yes: Label, no: Label, section: Section): void {
  const { code, version, base } = section;
  switch (test.kind) {
    case 'version':
      code.goto(test.version === version ? yes : no);
      break;
    case 'arp':
      if (version !== 0 || section.etherTypeAt === undefined) return code.goto(no);
      code.emit(OP.loadHalf, section.etherTypeAt);
      code.branch(OP.ifEqual, ETHER.arp, yes, no);
      break;
    case 'protocol':
      if (version === 0) return code.goto(no);
      code.emit(OP.loadByte, base + (version === 4 ? 9 : 6));
      code.branch(OP.ifEqual, test.protocol, yes, no);
      break;
    case 'net':
      emitDirections(test.direction, yes, no, section, (side, to, not) =>
        emitNet(test.range, side, to, not, section),
      );
      break;
    case 'port':
      emitPort(test, yes, no, section);
      break;
  }
}

type Side = 'src' | 'dst';

function emitDirections(
  direction: Direction,
  yes: Label,
  no: Label,
  section: Section,
  one: (side: Side, yes: Label, no: Label) => void,
): void {
  if (section.version === 0) return section.code.goto(no);
  if (direction === 'src' || direction === 'dst') return one(direction, yes, no);
  const second = section.code.label();
  one('src', direction === 'both' ? second : yes, direction === 'both' ? no : second);
  section.code.place(second);
  one('dst', yes, no);
}

function maskOf(bits: number, word: number): number {
  const own = Math.min(32, Math.max(0, bits - word * 32));
  return own === 0 ? 0 : (0xffffffff << (32 - own)) >>> 0;
}

function emitNet(range: Range, side: Side, yes: Label, no: Label, { code, version, base }: Section): void {
  const words = [range.w0, range.w1, range.w2, range.w3];
  const isV4 = version === 4;
  const fixed = isV4 ? [0, 0, V4_MAPPED] : [];
  if (fixed.some((word, at) => ((word ^ (words[at] as number)) & maskOf(range.bits, at)) !== 0)) {
    return code.goto(no);
  }
  const from = base + (isV4 ? 12 : 8) + (side === 'src' ? 0 : isV4 ? 4 : 16);
  for (let word = fixed.length; word < 4; word += 1) {
    const mask = maskOf(range.bits, word);
    if (mask === 0) break;
    code.emit(OP.loadWord, from + (word - fixed.length) * 4);
    if (mask !== 0xffffffff) code.emit(OP.and, mask);
    demand(code, OP.ifEqual, words[word] as number, no);
  }
  code.goto(yes);
}

function emitPort(test: Test & { kind: 'port' }, yes: Label, no: Label, section: Section): void {
  const { code, version, base } = section;
  if (version === 0) return code.goto(no);
  const known = code.label();
  code.emit(OP.loadByte, base + (version === 4 ? 9 : 6));
  for (const protocol of PORT_PROTOCOLS) divert(code, OP.ifEqual, protocol, known);
  code.goto(no);
  code.place(known);
  if (version === 4) {
    code.emit(OP.loadHalf, base + 6);
    divert(code, OP.ifAnyBit, LATER_FRAGMENT, no);
    code.emit(OP.loadHeaderLength, base);
  }
  emitDirections(test.direction, yes, no, section, (side, to, not) => {
    const offset = side === 'src' ? 0 : 2;
    if (version === 4) code.emit(OP.loadHalfAtX, base + offset);
    else code.emit(OP.loadHalf, base + 40 + offset);
    demand(code, OP.ifAtLeast, test.from, not);
    code.branch(OP.ifGreater, test.to, not, to);
  });
}
