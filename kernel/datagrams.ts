// UDP in batches: one recvmmsg(2) fills up to 512 slots of a shared arena, and the reader walks over them
// by offset. Nothing is allocated per datagram.
//
// Arena region of one reader, all offsets 64-byte aligned:
//
//   slots    512 × 2112   the first 2048 bytes of each datagram, dense, so that a batch stays in cache
//   spills   512 × (max + 64 + 2048)   a datagram longer than 2048: the rest lies behind a gap into which
//                         the first part is copied when it is read, so that it is contiguous as well;
//                         the pages are the kernel's to give and cost nothing until they are used
//   tables   mmsghdr, iovec and sockaddr of each slot
//
// Refuses: datagrams over `maxMessageSize` in full; they are cut, and the cut is told.

import { V4_MAPPED } from '../base/ip.ts';
import { IOVEC, MMSGHDR, SOCKADDR_IN6, SOCKET } from './abi/socket.ts';
import { addressOf, lastError, poll, recvmmsg } from './libc.ts';

export const BATCH_MAX = 512;
const FIRST = 2048;
/** 64 more than FIRST, so that equal offsets of neighbouring slots do not fall on one cache set. */
const SLOT = FIRST + 64;
const NAME = 32;

function spillStride(maxMessageSize: number): number {
  return ((FIRST + Math.max(0, maxMessageSize - FIRST) + 63) & ~63) + 64;
}

/** Bytes of arena that a reader needs. */
export function datagramRegionSize(maxMessageSize: number): number {
  const perSlot = SLOT + spillStride(maxMessageSize) + MMSGHDR.size + IOVEC.size * 2 + NAME;
  return BATCH_MAX * perSlot + 64;
}

export class DatagramReader {
  /** Of the datagram that `at(i)` looked at: its bytes within the arena. */
  start = 0;
  end = 0;
  /** The datagram was longer than maxMessageSize; the rest is gone. */
  cut = false;
  /** The sender, as the four words of base/ip.ts. */
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;

  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #headers: Uint8Array;
  readonly #headerWord: number;
  readonly #nameWord: number;
  readonly #slotsAt: number;
  readonly #spillsAt: number;
  readonly #spillStride: number;
  #used = 0;

  /** `at` must be a multiple of 64; [at, at + datagramRegionSize) is the reader's own. */
  constructor(arena: ArrayBuffer, at: number, maxMessageSize: number) {
    this.#bytes = new Uint8Array(arena);
    this.#words = new Uint32Array(arena);
    this.#spillStride = spillStride(maxMessageSize);
    this.#slotsAt = at;
    this.#spillsAt = at + BATCH_MAX * SLOT;
    const headersAt = this.#spillsAt + BATCH_MAX * this.#spillStride;
    const vectorsAt = headersAt + BATCH_MAX * MMSGHDR.size;
    const namesAt = vectorsAt + BATCH_MAX * IOVEC.size * 2;
    this.#headers = new Uint8Array(arena, headersAt, BATCH_MAX * MMSGHDR.size);
    this.#headerWord = headersAt >> 2;
    this.#nameWord = namesAt >> 2;
    this.#layOut(arena, headersAt, vectorsAt, namesAt, maxMessageSize);
  }

  #layOut(arena: ArrayBuffer, headersAt: number, vectorsAt: number, namesAt: number, max: number): void {
    const base = addressOf(arena);
    const view = new DataView(arena);
    const pointer = (where: number, to: number) => view.setBigUint64(where, base + BigInt(to), true);
    const first = Math.min(FIRST, max);
    for (let i = 0; i < BATCH_MAX; i += 1) {
      const header = headersAt + i * MMSGHDR.size;
      const vector = vectorsAt + i * IOVEC.size * 2;
      pointer(vector + IOVEC.iov_base, this.#slotsAt + i * SLOT);
      view.setBigUint64(vector + IOVEC.iov_len, BigInt(first), true);
      pointer(vector + IOVEC.size + IOVEC.iov_base, this.#spillsAt + i * this.#spillStride + FIRST);
      view.setBigUint64(vector + IOVEC.size + IOVEC.iov_len, BigInt(max - first), true);
      pointer(header + MMSGHDR.msg_name, namesAt + i * NAME);
      view.setUint32(header + MMSGHDR.msg_namelen, SOCKADDR_IN6.size, true);
      pointer(header + MMSGHDR.msg_iov, vector);
      view.setBigUint64(header + MMSGHDR.msg_iovlen, BigInt(max > first ? 2 : 1), true);
    }
  }

  /** Takes what is there without waiting. 0: nothing; -1: an error, which `lastError()` names. */
  receive(fd: number): number {
    this.#resetNames();
    this.#used = recvmmsg(fd, this.#headers, BATCH_MAX, SOCKET.MSG_DONTWAIT, null);
    return this.#used;
  }

  /** The kernel leaves the length of the last sender's address, which may be too short for the next. */
  #resetNames(): void {
    const words = this.#words;
    let at = this.#headerWord + (MMSGHDR.msg_namelen >> 2);
    for (let i = 0; i < this.#used; i += 1) {
      words[at] = SOCKADDR_IN6.size;
      at += MMSGHDR.size >> 2;
    }
  }

  /** The name of the error when `receive` gave -1; "EAGAIN" means that nothing was there. */
  error(): string {
    return lastError();
  }

  /** Looks at datagram `i` of the last batch: sets start, end, cut and the sender's words. */
  at(i: number): void {
    const words = this.#words;
    const header = this.#headerWord + i * (MMSGHDR.size >> 2);
    const length = words[header + (MMSGHDR.msg_len >> 2)] as number;
    this.cut = ((words[header + (MMSGHDR.msg_flags >> 2)] as number) & SOCKET.MSG_TRUNC) !== 0;
    const slot = this.#slotsAt + i * SLOT;
    if (length <= FIRST) {
      this.start = slot;
    } else {
      this.start = this.#spillsAt + i * this.#spillStride;
      this.#bytes.copyWithin(this.start, slot, slot + FIRST);
    }
    this.end = this.start + length;
    this.#readName(this.#nameWord + i * (NAME >> 2));
  }

  #readName(name: number): void {
    const words = this.#words;
    const family = (words[name] as number) & 0xffff;
    if (family === SOCKET.AF_INET) {
      this.w0 = 0;
      this.w1 = 0;
      this.w2 = V4_MAPPED;
      this.w3 = swap(words[name + 1] as number);
      return;
    }
    this.w0 = swap(words[name + 2] as number);
    this.w1 = swap(words[name + 3] as number);
    this.w2 = swap(words[name + 4] as number);
    this.w3 = swap(words[name + 5] as number);
  }
}

function swap(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** Sleeps without waking for anything: what arrives meanwhile is taken in one batch afterwards. */
export function nap(ms: number): void {
  poll(null, 0, Math.min(100, ms));
}
