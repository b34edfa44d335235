// Asks the kernel for its internet sockets (sock_diag(7)): one by its ends, or all in certain states; and reads what it
// says of a socket that is gone. Addresses are the four words of base/ip.ts, so that an IPv4 connection of an IPv6
// socket is one of IPv4.
//
// Refuses: to trust a message. What is too short, of another family or of another question is passed over.

import { assert } from '../base/assert.ts';
import { type Address, isV4, V4_MAPPED } from '../base/ip.ts';
import { INET_DIAG, INET_DIAG_MSG, INET_DIAG_REQ_V2, INET_DIAG_SOCKID, SOCK_DIAG } from './abi/inet-diag.ts';
import { NETLINK, NLMSGHDR } from './abi/netlink.ts';
import { SOCKET } from './abi/socket.ts';
import { TCP_INFO } from './abi/tcp-info.ts';
import {
  errorOf,
  makeRequest,
  type NetlinkMessage,
  type NetlinkSocket,
  openNetlink,
  setSequence,
  walkAttributes,
  walkMessages,
} from './netlink.ts';

/** include/net/tcp_states.h. Of UDP there are `established` (it has a peer) and `close` (it has none). */
export const SOCKET_STATE = {
  established: 1,
  synSent: 2,
  synReceived: 3,
  timeWait: 6,
  close: 7,
  listen: 10,
} as const;

export interface InetSocket {
  readonly state: number;
  /** IANA number; 0 where the message does not say. */
  readonly protocol: number;
  readonly isV6: boolean;
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
  readonly interfaceIndex: number;
  /** The kernel's own name of the socket, never used twice. */
  readonly cookie: number;
  readonly uid: number;
  /** 0: no process has it: it was not accepted yet, or was closed. */
  readonly inode: number;
  /** 0: not said. */
  readonly cgroupId: number;
  readonly isV6Only: boolean;
  readonly info: TcpInfo | undefined;
}

export interface TcpInfo {
  readonly rttUs: number;
  readonly retransmitted: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly segmentsOut: number;
  readonly segmentsIn: number;
}

/** What is read of struct tcp_info; older kernels give a shorter one. */
const INFO_END = TCP_INFO.tcpi_segs_in + 4;
/** errno(3): there is no such socket. */
const ENOENT = 2;
/** A question is answered within the call; this many foreign messages may lie before the answer. */
const FOREIGN_MAX = 64;

function readAddress(bytes: Buffer, at: number, isV6: boolean): Address {
  if (!isV6) return { w0: 0, w1: 0, w2: V4_MAPPED, w3: bytes.readUInt32BE(at) };
  return {
    w0: bytes.readUInt32BE(at),
    w1: bytes.readUInt32BE(at + 4),
    w2: bytes.readUInt32BE(at + 8),
    w3: bytes.readUInt32BE(at + 12),
  };
}

function writeAddress(bytes: Buffer, at: number, isV6: boolean, address: Address): void {
  if (!isV6) {
    bytes.writeUInt32BE(address.w3, at);
    return;
  }
  [address.w0, address.w1, address.w2, address.w3].forEach((word, i) => {
    bytes.writeUInt32BE(word, at + i * 4);
  });
}

/** Exact below 2^53, which no counter of a kernel reaches. */
function readLong(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function readInfo(bytes: Buffer, from: number, to: number): TcpInfo | undefined {
  if (to - from < INFO_END) return undefined;
  return {
    rttUs: bytes.readUInt32LE(from + TCP_INFO.tcpi_rtt),
    retransmitted: bytes.readUInt32LE(from + TCP_INFO.tcpi_total_retrans),
    bytesAcked: readLong(bytes, from + TCP_INFO.tcpi_bytes_acked),
    bytesReceived: readLong(bytes, from + TCP_INFO.tcpi_bytes_received),
    segmentsOut: bytes.readUInt32LE(from + TCP_INFO.tcpi_segs_out),
    segmentsIn: bytes.readUInt32LE(from + TCP_INFO.tcpi_segs_in),
  };
}

/** What a message says of a socket; undefined: it is none, or damaged. */
export function readSocket(bytes: Buffer, message: NetlinkMessage): InetSocket | undefined {
  const { from, to } = message;
  if (message.type !== SOCK_DIAG.SOCK_DIAG_BY_FAMILY || to - from < INET_DIAG_MSG.size) return undefined;
  const family = bytes.readUInt8(from + INET_DIAG_MSG.idiag_family);
  if (family !== SOCKET.AF_INET && family !== SOCKET.AF_INET6) return undefined;
  const isV6 = family === SOCKET.AF_INET6;
  const id = from + INET_DIAG_MSG.id;
  return {
    ...readAttributes(bytes, from + INET_DIAG_MSG.size, to),
    state: bytes.readUInt8(from + INET_DIAG_MSG.idiag_state),
    isV6,
    local: readAddress(bytes, id + INET_DIAG_SOCKID.idiag_src, isV6),
    localPort: bytes.readUInt16BE(id + INET_DIAG_SOCKID.idiag_sport),
    remote: readAddress(bytes, id + INET_DIAG_SOCKID.idiag_dst, isV6),
    remotePort: bytes.readUInt16BE(id + INET_DIAG_SOCKID.idiag_dport),
    interfaceIndex: bytes.readUInt32LE(id + INET_DIAG_SOCKID.idiag_if),
    cookie: readLong(bytes, id + INET_DIAG_SOCKID.idiag_cookie),
    uid: bytes.readUInt32LE(from + INET_DIAG_MSG.idiag_uid),
    inode: bytes.readUInt32LE(from + INET_DIAG_MSG.idiag_inode),
  };
}

function readAttributes(bytes: Buffer, from: number, end: number) {
  let [protocol, cgroupId, isV6Only] = [0, 0, false];
  let info: TcpInfo | undefined;
  walkAttributes(bytes, from, end, (type, at, to) => {
    if (type === INET_DIAG.INET_DIAG_CGROUP_ID && to - at >= 8) cgroupId = readLong(bytes, at);
    else if (type === INET_DIAG.INET_DIAG_PROTOCOL && to - at >= 1) protocol = bytes.readUInt8(at);
    else if (type === INET_DIAG.INET_DIAG_SKV6ONLY && to - at >= 1) isV6Only = bytes.readUInt8(at) !== 0;
    else if (type === INET_DIAG.INET_DIAG_INFO) info = readInfo(bytes, at, to);
  });
  return { protocol, cgroupId, isV6Only, info };
}

/** The ends of one socket, as its owner sees them. */
export interface Ends {
  readonly protocol: number;
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
  /** For sockets that are bound to one; 0: any. */
  readonly interfaceIndex: number;
}

export type Found =
  | { readonly kind: 'socket'; readonly socket: InetSocket }
  | { readonly kind: 'none' }
  /** The kernel did not answer as it should; `error` is an errno, 0 where there was none. */
  | { readonly kind: 'failed'; readonly error: number };

export type Dumped = 'whole' | 'overrun' | 'failed';

export class InetDiag {
  readonly #netlink: NetlinkSocket;
  readonly #question = makeRequest(SOCK_DIAG.SOCK_DIAG_BY_FAMILY, 0, INET_DIAG_REQ_V2.size);
  #sequence = 0;
  #isDumping = false;

  constructor(netlink: NetlinkSocket) {
    this.#netlink = netlink;
  }

  static open():
    | { readonly ok: true; readonly diag: InetDiag }
    | { readonly ok: false; readonly error: string } {
    const opened = openNetlink({ protocol: NETLINK.NETLINK_SOCK_DIAG, groups: [], receiveBytes: 0 });
    return opened.ok ? { ok: true, diag: new InetDiag(opened.socket) } : opened;
  }

  /**
   * The socket that a packet from `remote` to `local` would reach now: the connection itself, else one that listens or
   * has no peer. Its own ends tell which.
   */
  find(ends: Ends): Found {
    assert(!this.#isDumping, 'nobody asks for one socket in the middle of a list of all');
    this.#writeQuestion(ends);
    if (!this.#netlink.send(this.#question)) return { kind: 'failed', error: 0 };
    for (let i = 0; i < FOREIGN_MAX; i += 1) {
      const received = this.#netlink.receive();
      if (received !== 'bytes') return { kind: 'failed', error: 0 };
      const found = this.#readAnswer();
      if (found) return found;
    }
    return { kind: 'failed', error: 0 };
  }

  #writeQuestion({ protocol, local, localPort, remote, remotePort, interfaceIndex }: Ends): void {
    const question = this.#question;
    const isV6 = !isV4(local) || !isV4(remote);
    this.#sequence += 1;
    setSequence(question, this.#sequence);
    question.fill(0, NLMSGHDR.size);
    question.writeUInt8(isV6 ? SOCKET.AF_INET6 : SOCKET.AF_INET, NLMSGHDR.size);
    question.writeUInt8(protocol, NLMSGHDR.size + INET_DIAG_REQ_V2.sdiag_protocol);
    question.writeUInt32LE(0xffff_ffff, NLMSGHDR.size + INET_DIAG_REQ_V2.idiag_states);
    const id = NLMSGHDR.size + INET_DIAG_REQ_V2.id;
    // The kernel takes the two ends of UDP the other way round (net/ipv4/udp_diag.c says "for historical reasons").
    const isSwapped = protocol !== SOCKET.IPPROTO_TCP;
    const [source, destination] = isSwapped ? [remote, local] : [local, remote];
    const [sourcePort, destinationPort] = isSwapped ? [remotePort, localPort] : [localPort, remotePort];
    question.writeUInt16BE(sourcePort, id + INET_DIAG_SOCKID.idiag_sport);
    question.writeUInt16BE(destinationPort, id + INET_DIAG_SOCKID.idiag_dport);
    writeAddress(question, id + INET_DIAG_SOCKID.idiag_src, isV6, source);
    writeAddress(question, id + INET_DIAG_SOCKID.idiag_dst, isV6, destination);
    question.writeUInt32LE(interfaceIndex, id + INET_DIAG_SOCKID.idiag_if);
    // INET_DIAG_NOCOOKIE.
    question.fill(0xff, id + INET_DIAG_SOCKID.idiag_cookie, id + INET_DIAG_SOCKID.size);
  }

  #readAnswer(): Found | undefined {
    const { bytes, length } = this.#netlink;
    let found: Found | undefined;
    walkMessages(bytes, length, (message) => {
      if (found || message.sequence !== this.#sequence) return;
      if (message.type === NETLINK.NLMSG_ERROR) {
        const error = errorOf(bytes, message) ?? 0;
        found = error === ENOENT ? { kind: 'none' } : { kind: 'failed', error };
        return;
      }
      const socket = readSocket(bytes, message);
      if (socket) found = { kind: 'socket', socket };
    });
    return found;
  }

  /** Every socket of a protocol and family (4 or 6) whose state is among `states`. None may be asked for meanwhile: there is one socket. */
  dump(
    protocol: number,
    family: 4 | 6,
    states: readonly number[],
    visit: (socket: InetSocket) => void,
  ): Dumped {
    this.#isDumping = true;
    try {
      return this.#dump(protocol, family, states, visit);
    } finally {
      this.#isDumping = false;
    }
  }

  #dump(
    protocol: number,
    family: 4 | 6,
    states: readonly number[],
    visit: (socket: InetSocket) => void,
  ): Dumped {
    const request = makeRequest(SOCK_DIAG.SOCK_DIAG_BY_FAMILY, NETLINK.NLM_F_DUMP, INET_DIAG_REQ_V2.size);
    this.#sequence += 1;
    setSequence(request, this.#sequence);
    request.writeUInt8(family === 6 ? SOCKET.AF_INET6 : SOCKET.AF_INET, NLMSGHDR.size);
    request.writeUInt8(protocol, NLMSGHDR.size + INET_DIAG_REQ_V2.sdiag_protocol);
    const wanted = states.reduce((bits, state) => bits | (1 << state), 0);
    request.writeUInt32LE(wanted >>> 0, NLMSGHDR.size + INET_DIAG_REQ_V2.idiag_states);
    if (!this.#netlink.send(request)) return 'failed';
    for (;;) {
      const received = this.#netlink.receive();
      if (received === 'overrun') return 'overrun';
      if (received !== 'bytes') return 'failed';
      const end = this.#readPiece(visit);
      if (end) return end;
    }
  }

  #readPiece(visit: (socket: InetSocket) => void): Dumped | undefined {
    const { bytes, length } = this.#netlink;
    let end: Dumped | undefined;
    const isWhole = walkMessages(bytes, length, (message) => {
      if (message.sequence !== this.#sequence) return;
      if (message.type === NETLINK.NLMSG_DONE) end = 'whole';
      else if (message.type === NETLINK.NLMSG_ERROR) end = 'failed';
      const socket = readSocket(bytes, message);
      if (socket) visit(socket);
    });
    return isWhole ? end : 'failed';
  }

  close(): void {
    this.#netlink.close();
  }
}

/** A socket that hears of sockets when they are gone: TCP and UDP, both families. */
export function openSocketEnds(receiveBytes: number): ReturnType<typeof openNetlink> {
  const { SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY } = SOCK_DIAG;
  const { SKNLGRP_INET6_TCP_DESTROY, SKNLGRP_INET6_UDP_DESTROY } = SOCK_DIAG;
  return openNetlink({
    protocol: NETLINK.NETLINK_SOCK_DIAG,
    groups: [
      SKNLGRP_INET_TCP_DESTROY,
      SKNLGRP_INET_UDP_DESTROY,
      SKNLGRP_INET6_TCP_DESTROY,
      SKNLGRP_INET6_UDP_DESTROY,
    ],
    receiveBytes,
  });
}
