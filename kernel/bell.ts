// A bell that one thread rings for another: a descriptor that stands in the other's readiness queue, so that
// it can wait long for sockets and still hears at once. Ringing twice is ringing once.

import { readSync, writeSync } from 'node:fs';
import { assert } from '../base/assert.ts';
import { EVENTFD } from './abi/eventfd.ts';
import { eventfd } from './libc.ts';

/** An eventfd is read and written as one 64-bit number. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const heard = new Uint8Array(8);

export function openBell(): number {
  const fd = eventfd(0, EVENTFD.EFD_NONBLOCK | EVENTFD.EFD_CLOEXEC);
  assert(fd >= 0, 'the kernel gives an eventfd');
  return fd;
}

export function ringBell(fd: number): void {
  writeSync(fd, ONE);
}

/** Called when the queue says that it rang; it is quiet afterwards. */
export function hushBell(fd: number): void {
  readSync(fd, heard);
}
