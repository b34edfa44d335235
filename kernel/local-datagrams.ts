// Unix datagrams in batches: one recvmmsg(2) fills up to 64 slots, each with what the kernel knows of it: the
// sender's pid, uid and gid (SCM_CREDENTIALS) and when it was sent (SCM_TIMESTAMPNS). Nothing is allocated for
// a datagram. How many can wait is net.unix.max_dgram_qlen (10, or 512 under systemd), so 64 is plenty.
//
//   slots    64 × (max + 64)   pages that nobody fills cost nothing
//   tables   for each: mmsghdr, iovec, control messages (64 bytes: 32 for each of the two)
//
// Refuses: to wait, and datagrams over `maxMessageSize` in full; they are cut, and the cut is told.

import { IOVEC, MMSGHDR, SOCKET, UCRED } from './abi/socket.ts';
import { CMSGHDR, STAMPED, TIMESPEC } from './abi/timestamp.ts';
import { addressOf, recvmmsg } from './libc.ts';

export const LOCAL_BATCH_MAX = 64;
const CONTROL = 64;

export class LocalDatagrams {
  readonly bytes: Buffer;
  /** Of the datagram that `at(i)` looked at: its bytes within `bytes`. */
  start = 0;
  end = 0;
  /** It was longer than maxMessageSize; the rest is gone. */
  cut = false;
  /** Who sent it; pid 0 is a process that cannot be seen from here, in another pid namespace. */
  pid = 0;
  uid = 0;
  gid = 0;
  /** When it was sent. 0: the kernel gave no time. */
  sec = 0;
  nanos = 0;

  readonly #words: Uint32Array;
  readonly #headers: Uint8Array;
  readonly #slot: number;
  readonly #headersAt: number;
  readonly #controlsAt: number;
  #used = 0;

  constructor(maxMessageBytes: number) {
    this.#slot = ((maxMessageBytes + 63) & ~63) + 64;
    this.#headersAt = LOCAL_BATCH_MAX * this.#slot;
    const vectorsAt = this.#headersAt + LOCAL_BATCH_MAX * MMSGHDR.size;
    this.#controlsAt = vectorsAt + LOCAL_BATCH_MAX * IOVEC.size;
    const buffer = new ArrayBuffer(this.#controlsAt + LOCAL_BATCH_MAX * CONTROL);
    this.bytes = Buffer.from(buffer);
    this.#words = new Uint32Array(buffer);
    this.#headers = new Uint8Array(buffer, this.#headersAt, LOCAL_BATCH_MAX * MMSGHDR.size);
    this.#layOut(buffer, vectorsAt, maxMessageBytes);
  }

  #layOut(buffer: ArrayBuffer, vectorsAt: number, max: number): void {
    const base = addressOf(buffer);
    const view = new DataView(buffer);
    const pointer = (where: number, to: number) => view.setBigUint64(where, base + BigInt(to), true);
    for (let i = 0; i < LOCAL_BATCH_MAX; i += 1) {
      const header = this.#headersAt + i * MMSGHDR.size;
      const vector = vectorsAt + i * IOVEC.size;
      pointer(vector + IOVEC.iov_base, i * this.#slot);
      view.setBigUint64(vector + IOVEC.iov_len, BigInt(max), true);
      pointer(header + MMSGHDR.msg_iov, vector);
      view.setBigUint64(header + MMSGHDR.msg_iovlen, 1n, true);
      pointer(header + MMSGHDR.msg_control, this.#controlsAt + i * CONTROL);
      view.setBigUint64(header + MMSGHDR.msg_controllen, BigInt(CONTROL), true);
    }
  }

  /** Takes what is there without waiting. How many; 0: nothing. */
  receive(fd: number): number {
    this.#resetControls();
    this.#used = Math.max(0, recvmmsg(fd, this.#headers, LOCAL_BATCH_MAX, SOCKET.MSG_DONTWAIT, null));
    return this.#used;
  }

  /** The kernel leaves the length of the last control messages, which may be too short for the next. */
  #resetControls(): void {
    let at = (this.#headersAt + MMSGHDR.msg_controllen) >> 2;
    for (let i = 0; i < this.#used; i += 1) {
      this.#words[at] = CONTROL;
      at += MMSGHDR.size >> 2;
    }
  }

  /** Looks at datagram `i` of the last batch. */
  at(i: number): void {
    const words = this.#words;
    const header = (this.#headersAt + i * MMSGHDR.size) >> 2;
    this.start = i * this.#slot;
    this.end = this.start + (words[header + (MMSGHDR.msg_len >> 2)] as number);
    this.cut = ((words[header + (MMSGHDR.msg_flags >> 2)] as number) & SOCKET.MSG_TRUNC) !== 0;
    this.pid = 0;
    this.uid = -1;
    this.gid = -1;
    this.sec = 0;
    this.nanos = 0;
    const control = this.#controlsAt + i * CONTROL;
    this.#readControl(control, control + (words[header + (MMSGHDR.msg_controllen >> 2)] as number));
  }

  #readControl(from: number, end: number): void {
    for (let at = from; at + CMSGHDR.size <= end; ) {
      const length = this.#words[(at + CMSGHDR.cmsg_len) >> 2] as number;
      if (length < CMSGHDR.size) return;
      this.#readMessage(at);
      at += (length + 7) & ~7;
    }
  }

  #readMessage(at: number): void {
    const words = this.#words;
    if (words[(at + CMSGHDR.cmsg_level) >> 2] !== SOCKET.SOL_SOCKET) return;
    const type = words[(at + CMSGHDR.cmsg_type) >> 2];
    const data = at + CMSGHDR.data;
    if (type === SOCKET.SCM_CREDENTIALS) {
      this.pid = words[(data + UCRED.pid) >> 2] as number;
      this.uid = words[(data + UCRED.uid) >> 2] as number;
      this.gid = words[(data + UCRED.gid) >> 2] as number;
    } else if (type === STAMPED.SCM_TIMESTAMPNS) {
      const sec = (data + TIMESPEC.tv_sec) >> 2;
      this.sec = (words[sec] as number) + (words[sec + 1] as number) * 2 ** 32;
      this.nanos = words[(data + TIMESPEC.tv_nsec) >> 2] as number;
    }
  }
}
