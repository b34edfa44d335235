// The one door to koffi: the calls into libc that Node does not offer, with errors as values. Nothing
// above this room sees a pointer, a struct layout or an errno number.
//
// Every call here returns at once or waits at most as long as its caller says; the callers in this room
// keep that below 100 ms, since a blocked call cannot be interrupted from outside.

import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { Fault } from '../base/fault.ts';
import { FCNTL } from './abi/socket.ts';

function open() {
  try {
    return koffi.load('libc.so.6');
  } catch (cause) {
    throw new Fault('KERNEL_DOOR', {
      what: `The C library could not be opened: ${(cause as Error).message}`,
      where: 'libc.so.6',
      mend: 'Belfry needs Linux with the GNU C library on x86-64 or arm64; run npm ci again if packages are missing.',
    });
  }
}

const libc = open();

export const socket = libc.func('int socket(int, int, int)') as (a: number, b: number, c: number) => number;
export const socketpair = libc.func('int socketpair(int, int, int, void *)') as (
  family: number,
  type: number,
  protocol: number,
  fds: Uint8Array,
) => number;
export const bind = libc.func('int bind(int, const void *, uint32_t)') as (
  fd: number,
  address: Uint8Array,
  size: number,
) => number;
export const listen = libc.func('int listen(int, int)') as (fd: number, backlog: number) => number;
export const closeFd = libc.func('int close(int)') as (fd: number) => number;
export const poll = libc.func('int poll(void *, uint64_t, int)') as (
  fds: Uint8Array | null,
  count: number,
  timeoutMs: number,
) => number;
export const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)') as (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  size: number,
) => number;
export const getsockopt = libc.func('int getsockopt(int, int, int, void *, void *)') as (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  size: Uint8Array,
) => number;
export const getsockname = libc.func('int getsockname(int, void *, void *)') as (
  fd: number,
  address: Uint8Array,
  size: Uint8Array,
) => number;
export const recvmmsg = libc.func('int recvmmsg(int, void *, uint32_t, int, void *)') as (
  fd: number,
  headers: Uint8Array,
  count: number,
  flags: number,
  timeout: null,
) => number;
export const sendmmsg = libc.func('int sendmmsg(int, void *, uint32_t, int)') as (
  fd: number,
  headers: Uint8Array,
  count: number,
  flags: number,
) => number;
export const connectTo = libc.func('int connect(int, const void *, uint32_t)') as (
  fd: number,
  address: Uint8Array,
  size: number,
) => number;
export const clockGettime = libc.func('int clock_gettime(int, void *)') as (
  clock: number,
  time: Uint8Array,
) => number;
export const adjtimex = libc.func('int adjtimex(void *)') as (timex: Uint8Array) => number;
export const sendto = libc.func('int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)') as (
  fd: number,
  bytes: Uint8Array,
  size: number,
  flags: number,
  address: Uint8Array,
  addressSize: number,
) => number;

export const readlink = libc.func('int64_t readlink(const void *, void *, size_t)') as (
  path: Uint8Array,
  target: Uint8Array,
  size: number,
) => number;

/** `path` ends with a zero byte. */
export const openFile = libc.func('int open(const void *, int, ...)') as (
  path: Uint8Array,
  flags: number,
) => number;

export const flock = libc.func('int flock(int, int)') as (fd: number, operation: number) => number;
export const accept4 = libc.func('int accept4(int, void *, void *, int)') as (
  fd: number,
  address: Uint8Array,
  size: Uint8Array,
  flags: number,
) => number;
export const recv = libc.func('int64_t recv(int, void *, size_t, int)') as (
  fd: number,
  bytes: Uint8Array,
  size: number,
  flags: number,
) => number;
export const send = libc.func('int64_t send(int, const void *, size_t, int)') as (
  fd: number,
  bytes: Uint8Array,
  size: number,
  flags: number,
) => number;
export const shutdown = libc.func('int shutdown(int, int)') as (fd: number, how: number) => number;
export const ioctl = libc.func('int ioctl(int, unsigned long, void *)') as (
  fd: number,
  request: number,
  argument: Uint8Array,
) => number;
export const eventfd = libc.func('int eventfd(unsigned int, int)') as (
  start: number,
  flags: number,
) => number;
export const epollCreate = libc.func('int epoll_create1(int)') as (flags: number) => number;
export const epollCtl = libc.func('int epoll_ctl(int, int, int, void *)') as (
  epoll: number,
  operation: number,
  fd: number,
  event: Uint8Array | null,
) => number;
export const epollWait = libc.func('int epoll_wait(int, void *, int, int)') as (
  epoll: number,
  events: Uint8Array,
  count: number,
  timeoutMs: number,
) => number;

const fcntl = libc.func('int fcntl(int, int, ...)') as (
  fd: number,
  command: number,
  type: 'int',
  value: number,
) => number;

export function duplicateFd(fd: number): number {
  return fcntl(fd, FCNTL.F_DUPFD_CLOEXEC, 'int', 0);
}

export function setStatusFlags(fd: number, flags: number): number {
  return fcntl(fd, FCNTL.F_SETFL, 'int', flags);
}

const mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)') as (
  at: null,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => unknown;
const munmap = libc.func('int munmap(void *, size_t)') as (at: unknown, size: number) => number;

/** Memory that the kernel shares with us. Nobody may touch it after `unmap`. */
export interface SharedMemory {
  readonly buffer: ArrayBuffer;
  unmap(): void;
}

/** Header: <sys/mman.h>. MAP_FAILED is the highest address. */
const MAP = { PROT_READ: 1, PROT_WRITE: 2, MAP_SHARED: 1, MAP_FAILED: 2n ** 64n - 1n } as const;

export function mapMemory(fd: number, size: number): SharedMemory | undefined {
  const pointer = mmap(null, size, MAP.PROT_READ | MAP.PROT_WRITE, MAP.MAP_SHARED, fd, 0);
  if (BigInt.asUintN(64, BigInt(koffi.address(pointer))) === MAP.MAP_FAILED) return undefined;
  return { buffer: koffi.view(pointer, size), unmap: () => void munmap(pointer, size) };
}

/** Where the bytes lie in memory. They must stay referenced for as long as the kernel may use the number. */
export function addressOf(bytes: Uint8Array | ArrayBuffer): bigint {
  return BigInt(koffi.address(bytes));
}

/** The name of the error that the last failed call left, such as "EADDRINUSE". */
export function lastError(): string {
  return getSystemErrorName(-koffi.errno());
}
