// The first bytes of packets from a cooked packet socket, in batches: one recvmmsg(2) fills up to 64 slots, each with
// what the kernel knows of it: on which interface, in which direction, when. For a socket whose filter lets little
// through; who wants everything has a ring (packet-ring.ts).
//
//   slots    64 × 128   from the network header on; IPv6 and TCP without options are 60 bytes
//   tables   for each: mmsghdr, iovec, sockaddr_ll, control messages
//
// Refuses: to wait.

import { PACKET, SOCKADDR_LL } from './abi/packet.ts';
import { IOVEC, MMSGHDR, SOCKET } from './abi/socket.ts';
import { CMSGHDR, STAMPED, TIMESPEC } from './abi/timestamp.ts';
import { addressOf, recvmmsg, setsockopt } from './libc.ts';

export const HEADS_MAX = 64;
/** What is kept of a packet; a filter need not let more through. */
export const HEAD_BYTES = 128;
const NAME = 32;
const CONTROL = 64;

/** Each packet comes with the kernel's time from now on. False: with none. */
export function stampPackets(fd: number): boolean {
  const one = new Uint8Array([1, 0, 0, 0]);
  return setsockopt(fd, SOCKET.SOL_SOCKET, STAMPED.SO_TIMESTAMPNS, one, one.length) === 0;
}

export class PacketHeads {
  readonly bytes: Buffer;
  /** Of the packet that `at(i)` looked at: its bytes within `bytes`. */
  start = 0;
  end = 0;
  interfaceIndex = 0;
  /** This host sent it, or sent it on. */
  isOutgoing = false;
  /** Microseconds since 1970; 0: the kernel gave no time. */
  timeUs = 0;

  readonly #words: Uint32Array;
  readonly #headers: Uint8Array;
  readonly #headersAt = HEADS_MAX * HEAD_BYTES;
  readonly #namesAt: number;
  readonly #controlsAt: number;
  #used = 0;

  constructor() {
    const vectorsAt = this.#headersAt + HEADS_MAX * MMSGHDR.size;
    this.#namesAt = vectorsAt + HEADS_MAX * IOVEC.size;
    this.#controlsAt = this.#namesAt + HEADS_MAX * NAME;
    const buffer = new ArrayBuffer(this.#controlsAt + HEADS_MAX * CONTROL);
    this.bytes = Buffer.from(buffer);
    this.#words = new Uint32Array(buffer);
    this.#headers = new Uint8Array(buffer, this.#headersAt, HEADS_MAX * MMSGHDR.size);
    this.#layOut(buffer, vectorsAt);
  }

  #layOut(buffer: ArrayBuffer, vectorsAt: number): void {
    const base = addressOf(buffer);
    const view = new DataView(buffer);
    const pointer = (where: number, to: number) => view.setBigUint64(where, base + BigInt(to), true);
    for (let i = 0; i < HEADS_MAX; i += 1) {
      const header = this.#headersAt + i * MMSGHDR.size;
      const vector = vectorsAt + i * IOVEC.size;
      pointer(vector + IOVEC.iov_base, i * HEAD_BYTES);
      view.setBigUint64(vector + IOVEC.iov_len, BigInt(HEAD_BYTES), true);
      pointer(header + MMSGHDR.msg_name, this.#namesAt + i * NAME);
      view.setUint32(header + MMSGHDR.msg_namelen, SOCKADDR_LL.size, true);
      pointer(header + MMSGHDR.msg_iov, vector);
      view.setBigUint64(header + MMSGHDR.msg_iovlen, 1n, true);
      pointer(header + MMSGHDR.msg_control, this.#controlsAt + i * CONTROL);
      view.setBigUint64(header + MMSGHDR.msg_controllen, BigInt(CONTROL), true);
    }
  }

  /** How many packets were there; 0: none. */
  receive(fd: number): number {
    const words = this.#words;
    for (let i = 0; i < this.#used; i += 1) {
      const header = (this.#headersAt + i * MMSGHDR.size) >> 2;
      words[header + (MMSGHDR.msg_namelen >> 2)] = SOCKADDR_LL.size;
      words[header + (MMSGHDR.msg_controllen >> 2)] = CONTROL;
    }
    this.#used = Math.max(0, recvmmsg(fd, this.#headers, HEADS_MAX, SOCKET.MSG_DONTWAIT, null));
    return this.#used;
  }

  /** Looks at packet `i` of the last batch. */
  at(i: number): void {
    const words = this.#words;
    const header = (this.#headersAt + i * MMSGHDR.size) >> 2;
    const name = this.#namesAt + i * NAME;
    this.start = i * HEAD_BYTES;
    this.end = this.start + Math.min(HEAD_BYTES, words[header + (MMSGHDR.msg_len >> 2)] as number);
    this.interfaceIndex = words[(name + SOCKADDR_LL.sll_ifindex) >> 2] as number;
    this.isOutgoing = this.bytes[name + SOCKADDR_LL.sll_pkttype] === PACKET.PACKET_OUTGOING;
    this.#readTime(this.#controlsAt + i * CONTROL, words[header + (MMSGHDR.msg_controllen >> 2)] as number);
  }

  #readTime(at: number, length: number): void {
    const words = this.#words;
    const isStamp =
      length >= CMSGHDR.size + TIMESPEC.size &&
      words[(at + CMSGHDR.cmsg_level) >> 2] === SOCKET.SOL_SOCKET &&
      words[(at + CMSGHDR.cmsg_type) >> 2] === STAMPED.SCM_TIMESTAMPNS;
    const data = (at + CMSGHDR.data) >> 2;
    const seconds = (words[data] as number) + (words[data + 1] as number) * 2 ** 32;
    const nanos = words[data + (TIMESPEC.tv_nsec >> 2)] as number;
    this.timeUs = isStamp ? seconds * 1e6 + Math.floor(nanos / 1000) : 0;
  }
}
