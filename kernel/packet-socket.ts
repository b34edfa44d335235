// A packet socket: sees what passes an interface, or all of them, before any firewall of incoming packets and behind
// that of outgoing ones. The filter stands before the socket is bound, so that not one foreign packet is queued.
// Needs CAP_NET_RAW; without it the error is "EPERM".
// Refuses: to send, and to read. A ring (packet-ring.ts) or recv does that.

import { PACKET, PACKET_MREQ, SOCK_FILTER, SOCK_FPROG, SOCKADDR_LL } from './abi/packet.ts';
import { SOCKET } from './abi/socket.ts';
import { addressOf, bind, closeFd, lastError, setsockopt, socket } from './libc.ts';

export interface PacketSocketWish {
  /** 0: every interface, also those that come later. */
  readonly interfaceIndex: number;
  /** True: packets begin with the network header, on devices of any kind; else with that of the device. */
  readonly cooked: boolean;
  /** A program of classic BPF (struct sock_filter, 8 bytes each); absent: every packet. */
  readonly filter?: Uint8Array;
}

export type PacketSocket =
  | { readonly ok: true; readonly fd: number }
  | { readonly ok: false; readonly error: string };

/** A socket that does not see anything yet: a filter and a ring may be given to it before it is bound. */
export function makePacketSocket(cooked: boolean): PacketSocket {
  const kind = cooked ? SOCKET.SOCK_DGRAM : PACKET.SOCK_RAW;
  const fd = socket(PACKET.AF_PACKET, kind | SOCKET.SOCK_NONBLOCK | SOCKET.SOCK_CLOEXEC, 0);
  return fd < 0 ? { ok: false, error: lastError() } : { ok: true, fd };
}

/** From now on the socket sees packets. A bound socket may be bound to another interface. */
export function bindPackets(fd: number, interfaceIndex: number): boolean {
  const name = new Uint8Array(SOCKADDR_LL.size);
  const view = new DataView(name.buffer);
  view.setUint16(SOCKADDR_LL.sll_family, PACKET.AF_PACKET, true);
  view.setUint16(SOCKADDR_LL.sll_protocol, PACKET.ETH_P_ALL);
  view.setInt32(SOCKADDR_LL.sll_ifindex, interfaceIndex, true);
  return bind(fd, name, name.length) === 0;
}

/** A filter that stands is replaced in one step: no packet passes in between. */
export function attachFilter(fd: number, program: Uint8Array): boolean {
  const words = Uint8Array.from(program);
  const value = new Uint8Array(SOCK_FPROG.size);
  const view = new DataView(value.buffer);
  view.setUint16(SOCK_FPROG.len, words.length / SOCK_FILTER.size, true);
  view.setBigUint64(SOCK_FPROG.filter, addressOf(words), true);
  return setsockopt(fd, SOCKET.SOL_SOCKET, PACKET.SO_ATTACH_FILTER, value, value.length) === 0;
}

/** The device takes packets for others as well, for as long as the socket is open. */
export function setPromiscuous(fd: number, interfaceIndex: number): boolean {
  const value = new Uint8Array(PACKET_MREQ.size);
  const view = new DataView(value.buffer);
  view.setInt32(PACKET_MREQ.mr_ifindex, interfaceIndex, true);
  view.setUint16(PACKET_MREQ.mr_type, PACKET.PACKET_MR_PROMISC, true);
  return setsockopt(fd, PACKET.SOL_PACKET, PACKET.PACKET_ADD_MEMBERSHIP, value, value.length) === 0;
}

export function openPacketSocket(wish: PacketSocketWish): PacketSocket {
  const made = makePacketSocket(wish.cooked);
  if (!made.ok) return made;
  const isFiltered = wish.filter === undefined || attachFilter(made.fd, wish.filter);
  if (isFiltered && bindPackets(made.fd, wish.interfaceIndex)) return made;
  const error = lastError();
  closeFd(made.fd);
  return { ok: false, error };
}
