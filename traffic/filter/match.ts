// Whether a decoded packet passes a filter. An ICMP error passes also when the packet that it quotes does, since
// "port 2525" should show who refused port 2525; a packet in a tunnel passes also when the tunnel's own ends do.
// Refuses: packets without addresses, unless the filter says `not` or `arp`.

import { inRange } from '../../base/ip.ts';
import { ETHER } from '../packet/link.ts';
import { type Ends, type Packet, PROTOCOL } from '../packet/packet.ts';
import type { Direction, Expression, Test } from './expression.ts';

export type Filter = (packet: Packet) => boolean;
type Matcher = (ends: Ends, packet: Packet) => boolean;

export function compileFilter(expression: Expression): Filter {
  const matches = matcherOf(expression);
  return (packet) =>
    matches(packet, packet) ||
    (packet.hasQuote && matches(packet.quote, packet)) ||
    (packet.tunnel !== '' && matches(packet.outer, packet));
}

function matcherOf(expression: Expression): Matcher {
  switch (expression.kind) {
    case 'and': {
      const [left, right] = [matcherOf(expression.left), matcherOf(expression.right)];
      return (ends, packet) => left(ends, packet) && right(ends, packet);
    }
    case 'or': {
      const [left, right] = [matcherOf(expression.left), matcherOf(expression.right)];
      return (ends, packet) => left(ends, packet) || right(ends, packet);
    }
    case 'not': {
      const of = matcherOf(expression.of);
      return (ends, packet) => !of(ends, packet);
    }
    default:
      return testOf(expression);
  }
}

function testOf(test: Test): Matcher {
  switch (test.kind) {
    case 'net':
      return netTest(test);
    case 'port':
      return portTest(test);
    case 'protocol':
      return (ends) => ends.version !== 0 && ends.protocol === test.protocol;
    case 'version':
      return (ends) => ends.version === test.version;
    case 'arp':
      return (_ends, packet) => packet.version === 0 && packet.etherType === ETHER.arp;
  }
}

function join(direction: Direction, src: boolean, dst: boolean): boolean {
  if (direction === 'src') return src;
  if (direction === 'dst') return dst;
  return direction === 'both' ? src && dst : src || dst;
}

function netTest({ direction, range }: Test & { kind: 'net' }): Matcher {
  const address = { w0: 0, w1: 0, w2: 0, w3: 0 };
  return (ends) => {
    if (ends.version === 0) return false;
    address.w0 = ends.src0;
    address.w1 = ends.src1;
    address.w2 = ends.src2;
    address.w3 = ends.src3;
    const src = inRange(range, address);
    address.w0 = ends.dst0;
    address.w1 = ends.dst1;
    address.w2 = ends.dst2;
    address.w3 = ends.dst3;
    return join(direction, src, inRange(range, address));
  };
}

/** Protocols whose header begins with two ports. */
export const PORT_PROTOCOLS: readonly number[] = [PROTOCOL.tcp, PROTOCOL.udp, PROTOCOL.sctp];

function portTest({ direction, from, to }: Test & { kind: 'port' }): Matcher {
  return (ends) =>
    ends.hasPorts &&
    join(direction, ends.srcPort >= from && ends.srcPort <= to, ends.dstPort >= from && ends.dstPort <= to);
}
