// UDP with times: requests in batches with the kernel's receive time of each (SO_TIMESTAMPNS), answers in
// batches, each from the address that was asked (IP_PKTINFO) and to the very sender. One recvmmsg(2) fills
// up to 64 slots, one sendmmsg(2) sends up to 16 answers; nothing is allocated per datagram.
//
//   requests  64 × 1152   the first 1144 bytes of each; longer ones are told by their length
//   answers   16 × 64     48 bytes each
//   tables    for both: mmsghdr, iovec, control messages; for requests the sender's sockaddr
//
// Refuses: to wait longer than 100 ms, and to send what does not fit at once (it is counted as not sent).

import { V4_MAPPED } from '../base/ip.ts';
import { IOVEC, MMSGHDR, SOCKADDR_IN6, SOCKET } from './abi/socket.ts';
import { CMSGHDR, IN6_PKTINFO, IN_PKTINFO, STAMPED, TIMESPEC } from './abi/timestamp.ts';
import { addressOf, lastError, recvmmsg, sendmmsg, setsockopt, setStatusFlags } from './libc.ts';

export const REQUESTS_MAX = 64;
export const ANSWERS_MAX = 16;
/** Longer requests have no meaning to NTP (ntp/extension.ts, PACKET_MAX); 4 more, so that they are noticed. */
const REQUEST_BYTES = 1144;
const REQUEST_SLOT = 1152;
const ANSWER_BYTES = 48;
const ANSWER_SLOT = 64;
const NAME = 32;
/** Room for a timespec and an in6_pktinfo with their headers is 72. */
const CONTROL = 128;
const ANSWER_CONTROL = 64;
const IN_PKTINFO_LENGTH = CMSGHDR.size + IN_PKTINFO.size;
const IN6_PKTINFO_LENGTH = CMSGHDR.size + IN6_PKTINFO.size;
const NO_TROUBLE: readonly string[] = ['EAGAIN', 'EINTR'];
const RECEIVE_TIMEOUT_US = 100_000;

function setNumber(fd: number, level: number, name: number, value: number): boolean {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return setsockopt(fd, level, name, bytes, 4) === 0;
}

/** Receive times, the address that was asked (where a socket has several), and an end to every wait. */
export function prepareStamped(
  fd: number,
  wants: { readonly family: 4 | 6; readonly asked: boolean },
): boolean {
  // Waiting is told by each call; the timeout ends it.
  setStatusFlags(fd, 0);
  const timeout = new Uint8Array(16);
  new DataView(timeout.buffer).setBigInt64(8, BigInt(RECEIVE_TIMEOUT_US), true);
  setsockopt(fd, SOCKET.SOL_SOCKET, STAMPED.SO_RCVTIMEO, timeout, timeout.length);
  if (wants.asked && wants.family === 4) setNumber(fd, STAMPED.IPPROTO_IP, STAMPED.IP_PKTINFO, 1);
  if (wants.asked && wants.family === 6) setNumber(fd, SOCKET.IPPROTO_IPV6, STAMPED.IPV6_RECVPKTINFO, 1);
  return setNumber(fd, SOCKET.SOL_SOCKET, STAMPED.SO_TIMESTAMPNS, 1);
}

/** Where each table begins in the one buffer. */
interface Layout {
  readonly answers: number;
  readonly headers: number;
  readonly vectors: number;
  readonly names: number;
  readonly controls: number;
  readonly answerHeaders: number;
  readonly answerVectors: number;
  readonly answerControls: number;
  readonly size: number;
}

function layOut(): Layout {
  const answers = REQUESTS_MAX * REQUEST_SLOT;
  const headers = answers + ANSWERS_MAX * ANSWER_SLOT;
  const vectors = headers + REQUESTS_MAX * MMSGHDR.size;
  const names = vectors + REQUESTS_MAX * IOVEC.size;
  const controls = names + REQUESTS_MAX * NAME;
  const answerHeaders = controls + REQUESTS_MAX * CONTROL;
  const answerVectors = answerHeaders + ANSWERS_MAX * MMSGHDR.size;
  const answerControls = answerVectors + ANSWERS_MAX * IOVEC.size;
  const size = answerControls + ANSWERS_MAX * ANSWER_CONTROL;
  return { answers, headers, vectors, names, controls, answerHeaders, answerVectors, answerControls, size };
}

export class StampedDatagrams {
  /** Requests and answers lie in it. */
  readonly view: DataView;
  /** Of the request that `at(i)` looked at: where it lies, how long it was, whom it is from, when it came. */
  start = 0;
  length = 0;
  port = 0;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  /** False: the kernel gave no time. */
  isStamped = false;
  sec = 0;
  nanos = 0;

  readonly #layout = layOut();
  readonly #buffer = new ArrayBuffer(this.#layout.size);
  readonly #bytes = new Uint8Array(this.#buffer);
  readonly #words = new Uint32Array(this.#buffer);
  readonly #headers: Uint8Array;
  readonly #answerHeaders: Uint8Array;
  /** The control message of the request looked at that names the address that was asked; 0: none. */
  #asked = 0;
  #at = 0;
  #used = 0;

  constructor() {
    const { headers, answerHeaders } = this.#layout;
    this.view = new DataView(this.#buffer);
    this.#headers = this.#bytes.subarray(headers, headers + REQUESTS_MAX * MMSGHDR.size);
    this.#answerHeaders = this.#bytes.subarray(answerHeaders, answerHeaders + ANSWERS_MAX * MMSGHDR.size);
    this.#prepareRequests();
    this.#prepareAnswers();
  }

  #pointer(where: number, to: number): void {
    this.view.setBigUint64(where, addressOf(this.#buffer) + BigInt(to), true);
  }

  #prepareRequests(): void {
    const layout = this.#layout;
    for (let i = 0; i < REQUESTS_MAX; i += 1) {
      const header = layout.headers + i * MMSGHDR.size;
      const vector = layout.vectors + i * IOVEC.size;
      this.#pointer(vector + IOVEC.iov_base, i * REQUEST_SLOT);
      this.view.setBigUint64(vector + IOVEC.iov_len, BigInt(REQUEST_BYTES), true);
      this.#pointer(header + MMSGHDR.msg_name, layout.names + i * NAME);
      this.view.setUint32(header + MMSGHDR.msg_namelen, SOCKADDR_IN6.size, true);
      this.#pointer(header + MMSGHDR.msg_iov, vector);
      this.view.setBigUint64(header + MMSGHDR.msg_iovlen, 1n, true);
      this.#pointer(header + MMSGHDR.msg_control, layout.controls + i * CONTROL);
      this.view.setBigUint64(header + MMSGHDR.msg_controllen, BigInt(CONTROL), true);
    }
  }

  #prepareAnswers(): void {
    const layout = this.#layout;
    for (let i = 0; i < ANSWERS_MAX; i += 1) {
      const header = layout.answerHeaders + i * MMSGHDR.size;
      const vector = layout.answerVectors + i * IOVEC.size;
      this.#pointer(vector + IOVEC.iov_base, layout.answers + i * ANSWER_SLOT);
      this.view.setBigUint64(vector + IOVEC.iov_len, BigInt(ANSWER_BYTES), true);
      this.#pointer(header + MMSGHDR.msg_iov, vector);
      this.view.setBigUint64(header + MMSGHDR.msg_iovlen, 1n, true);
      this.#pointer(header + MMSGHDR.msg_control, layout.answerControls + i * ANSWER_CONTROL);
    }
  }

  // ---- receiving

  /**
   * `wait`: for the first one, as long as the socket's timeout; else only what is there. The number of
   * requests; -1 when the kernel gave an error, "nothing there" among them.
   */
  receive(fd: number, wait: boolean): number {
    this.#resetHeaders();
    const flags = (wait ? STAMPED.MSG_WAITFORONE : SOCKET.MSG_DONTWAIT) | SOCKET.MSG_TRUNC;
    const count = recvmmsg(fd, this.#headers, REQUESTS_MAX, flags, null);
    this.#used = count;
    return count;
  }

  /** Why `receive` gave -1, but for what is no trouble: nothing was there, or a signal came. */
  trouble(): string | undefined {
    const error = lastError();
    return NO_TROUBLE.includes(error) ? undefined : error;
  }

  /** The kernel leaves the lengths of the last sender's address and control messages. */
  #resetHeaders(): void {
    const words = this.#words;
    let header = this.#layout.headers >> 2;
    for (let i = 0; i < this.#used; i += 1) {
      words[header + (MMSGHDR.msg_namelen >> 2)] = SOCKADDR_IN6.size;
      words[header + (MMSGHDR.msg_controllen >> 2)] = CONTROL;
      header += MMSGHDR.size >> 2;
    }
  }

  /** Looks at request `i` of the last batch. */
  at(i: number): void {
    const words = this.#words;
    const header = (this.#layout.headers >> 2) + i * (MMSGHDR.size >> 2);
    this.#at = i;
    this.start = i * REQUEST_SLOT;
    this.length = words[header + (MMSGHDR.msg_len >> 2)] as number;
    this.#readName(this.#layout.names + i * NAME);
    const control = this.#layout.controls + i * CONTROL;
    this.#readControl(control, control + (words[header + (MMSGHDR.msg_controllen >> 2)] as number));
  }

  /** The bytes of the request looked at, on their own; for who has time. */
  copy(): Uint8Array {
    return this.#bytes.slice(this.start, this.start + Math.min(this.length, REQUEST_BYTES));
  }

  #readName(name: number): void {
    const { view } = this;
    this.port = view.getUint16(name + 2);
    if (((this.#words[name >> 2] as number) & 0xffff) === SOCKET.AF_INET) {
      this.w0 = 0;
      this.w1 = 0;
      this.w2 = V4_MAPPED;
      this.w3 = view.getInt32(name + 4);
      return;
    }
    this.w0 = view.getInt32(name + SOCKADDR_IN6.sin6_addr);
    this.w1 = view.getInt32(name + SOCKADDR_IN6.sin6_addr + 4);
    this.w2 = view.getInt32(name + SOCKADDR_IN6.sin6_addr + 8);
    this.w3 = view.getInt32(name + SOCKADDR_IN6.sin6_addr + 12);
  }

  #readControl(from: number, end: number): void {
    const words = this.#words;
    this.isStamped = false;
    this.#asked = 0;
    for (let at = from; at + CMSGHDR.size <= end; ) {
      const length = words[at >> 2] as number;
      if (length < CMSGHDR.size) return;
      this.#readMessage(at);
      at += (length + 7) & ~7;
    }
  }

  #readMessage(at: number): void {
    const words = this.#words;
    const level = words[(at + CMSGHDR.cmsg_level) >> 2];
    const type = words[(at + CMSGHDR.cmsg_type) >> 2];
    const data = (at + CMSGHDR.data) >> 2;
    if (level === SOCKET.SOL_SOCKET && type === STAMPED.SCM_TIMESTAMPNS) {
      this.isStamped = true;
      this.sec = (words[data] as number) + (words[data + 1] as number) * 2 ** 32;
      this.nanos = words[data + (TIMESPEC.tv_nsec >> 2)] as number;
    } else if (
      (level === STAMPED.IPPROTO_IP && type === STAMPED.IP_PKTINFO) ||
      (level === SOCKET.IPPROTO_IPV6 && type === STAMPED.IPV6_PKTINFO)
    ) {
      this.#asked = at;
    }
  }

  // ---- answering

  /** Makes answer `k` one to the request looked at. Returns where its 48 bytes go. */
  answerTo(k: number): number {
    const words = this.#words;
    const layout = this.#layout;
    const header = (layout.answerHeaders + k * MMSGHDR.size) >> 2;
    const request = (layout.headers + this.#at * MMSGHDR.size) >> 2;
    // Name (a pointer of two words) and its length.
    words[header] = words[request] as number;
    words[header + 1] = words[request + 1] as number;
    words[header + (MMSGHDR.msg_namelen >> 2)] = words[request + (MMSGHDR.msg_namelen >> 2)] as number;
    words[header + (MMSGHDR.msg_controllen >> 2)] = this.#askedControl(
      layout.answerControls + k * ANSWER_CONTROL,
    );
    return layout.answers + k * ANSWER_SLOT;
  }

  /**
   * The address that was asked becomes the one that answers. The interface is left to the routes, since the way
   * back may be another than the way here; a link-local sender carries its own in its address.
   */
  #askedControl(to: number): number {
    const asked = this.#asked;
    if (asked === 0) return 0;
    const isV6 = this.#words[(asked + CMSGHDR.cmsg_level) >> 2] === SOCKET.IPPROTO_IPV6;
    const length = isV6 ? IN6_PKTINFO_LENGTH : IN_PKTINFO_LENGTH;
    this.#bytes.copyWithin(to, asked, asked + length);
    const data = (to + CMSGHDR.data) >> 2;
    this.#words[data + ((isV6 ? IN6_PKTINFO.ipi6_ifindex : IN_PKTINFO.ipi_ifindex) >> 2)] = 0;
    return (length + 7) & ~7;
  }

  /** Sends answers 0 … count-1. How many the kernel took; the rest is not sent. */
  send(fd: number, count: number): number {
    let sent = 0;
    let taken = 0;
    while (taken < count) {
      const headers = taken === 0 ? this.#answerHeaders : this.#answerHeaders.subarray(taken * MMSGHDR.size);
      const put = sendmmsg(fd, headers, count - taken, SOCKET.MSG_DONTWAIT);
      // The first one that the kernel refuses gives the error; the others behind it are tried.
      taken += put > 0 ? put : 1;
      sent += Math.max(0, put);
    }
    return sent;
  }
}
