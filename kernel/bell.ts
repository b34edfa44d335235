// A bell that one thread rings for another: a descriptor that stands in the other's readiness queue, so that
// it can wait long for sockets and still hears at once. Ringing twice is ringing once.

import { readSync, writeSync } from 'node:fs';
import { assert } from '../base/assert.ts';
import { EVENTFD } from './abi/eventfd.ts';
import { eventfd } from './libc.ts';
import { closeSocket } from './socket.ts';

/** An eventfd is read and written as one 64-bit number. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const heard = new Uint8Array(8);

/** For the thread that hears it. It is closed by the rope that it is tied to; by the thread only if there is none. */
export function openBell(): number {
  const fd = eventfd(0, EVENTFD.EFD_NONBLOCK | EVENTFD.EFD_CLOEXEC);
  assert(fd >= 0, 'the kernel gives an eventfd');
  return fd;
}

/** Called when the queue says that it rang; it is quiet afterwards. */
export function hushBell(fd: number): void {
  readSync(fd, heard);
}

/**
 * The end of a bell that another thread pulls. It is what closes the bell, once the thread that hears it has ended: had
 * that thread closed it, its number could be another file's already when it is pulled for the last time.
 */
export class BellRope {
  #fd = -1;
  #wasPulled = false;

  get isTied(): boolean {
    return this.#fd >= 0;
  }

  tie(fd: number): void {
    this.#fd = fd;
    if (this.#wasPulled) this.pull();
  }

  /** Rings, or as soon as there is a bell. */
  pull(): void {
    this.#wasPulled = !this.isTied;
    if (this.isTied) writeSync(this.#fd, ONE);
  }

  /** The thread has ended. */
  cut(): void {
    if (this.isTied) closeSocket(this.#fd);
    this.#fd = -1;
  }
}
