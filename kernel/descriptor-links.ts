// What the descriptors of other processes are: the inode of the socket that /proc/PID/fd/N leads to. One readlink(2)
// without a string and without an exception, since thousands are asked for one owner. Where the folder of the links is
// closed to us, what the kernel tells of the descriptor (descriptor-info.ts): it costs three calls.
// Refuses: to open a descriptor. What is said of it is read; the socket is never touched.

import { readDigits, readSocketInode } from './descriptor-info.ts';
import { lastError, readlink } from './libc.ts';

/** "socket:[4294967295]" and a terminating zero fit. */
const TARGET_BYTES = 32;
const SOCKET_PREFIX = Buffer.from('socket:[', 'latin1');
const SLASH = 0x2f;
const ZERO = 0x30;

export class DescriptorLinks {
  readonly #path = Buffer.alloc(64);
  readonly #target = Buffer.alloc(TARGET_BYTES);
  #prefix = 0;
  #pid = 0;
  /** The folder of its links is closed to us. */
  #isClosed = false;

  /** The process whose descriptors are asked for next. */
  choose(pid: number): void {
    this.#pid = pid;
    this.#isClosed = false;
    this.#prefix = this.#path.write(`/proc/${pid}/fd/`, 'latin1');
  }

  /** The inode of the socket behind a descriptor; 0: it is none, or cannot be seen. */
  inode(descriptor: number): number {
    this.#writeNumber(descriptor);
    if (this.#isClosed) return readSocketInode(this.#path);
    const length = Number(readlink(this.#path, this.#target, TARGET_BYTES));
    if (length > SOCKET_PREFIX.length) return this.#readInode(length);
    if (length >= 0 || lastError() !== 'EACCES') return 0;
    this.#isClosed = true;
    this.#prefix = this.#path.write(`/proc/${this.#pid}/fdinfo/`, 'latin1');
    this.#writeNumber(descriptor);
    return readSocketInode(this.#path);
  }

  /** Whether the process is there; its folder is no link, so the kernel says EINVAL. */
  exists(): boolean {
    this.#path[this.#prefix - 1] = 0;
    const isGone = Number(readlink(this.#path, this.#target, TARGET_BYTES)) < 0 && lastError() === 'ENOENT';
    this.#path[this.#prefix - 1] = SLASH;
    return !isGone;
  }

  #writeNumber(number: number): void {
    let digits = 1;
    for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
    let at = this.#prefix + digits;
    this.#path[at] = 0;
    for (let rest = number; digits > 0; digits -= 1) {
      at -= 1;
      this.#path[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }

  #readInode(length: number): number {
    const target = this.#target;
    for (let i = 0; i < SOCKET_PREFIX.length; i += 1) if (target[i] !== SOCKET_PREFIX[i]) return 0;
    return readDigits(target, SOCKET_PREFIX.length, length);
  }
}
