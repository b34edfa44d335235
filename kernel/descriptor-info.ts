// The inode of a socket, read from /proc/PID/fdinfo/N. That file asks for the right to trace its process (CAP_SYS_PTRACE)
// alone, while the links in /proc/PID/fd of another user stand in a folder that only CAP_DAC_READ_SEARCH opens. Linux tells
// the inode there since 5.14, together with the mount: a number is a socket's only on the mount that all sockets are on.
// Refuses: to know more of a descriptor than that.

import { constants, fstatSync, readFileSync, readSync } from 'node:fs';
import { SOCKET } from './abi/socket.ts';
import { closeFd, openFile, socket } from './libc.ts';

const { O_RDONLY } = constants;
/** The same by definition (<linux/net.h>). */
const O_CLOEXEC = SOCKET.SOCK_CLOEXEC;

/** The first four lines (proc(5)), each with a number of 64 bits at most. */
const INFO_BYTES = 160;
const MOUNT = '\nmnt_id:\t';
const INODE = '\nino:\t';
const ZERO = 0x30;
const NINE = 0x39;

const bytes = Buffer.alloc(INFO_BYTES);

/** The mount of all sockets, told by one of our own. Undefined: this kernel does not say. */
function findSocketMount(): number | undefined {
  const fd = socket(SOCKET.AF_UNIX, SOCKET.SOCK_DGRAM | SOCKET.SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    const inode = Number(/^ino:\t(\d+)$/m.exec(text)?.[1]);
    const mount = Number(/^mnt_id:\t(\d+)$/m.exec(text)?.[1]);
    return inode === fstatSync(fd).ino && mount > 0 ? mount : undefined;
  } catch {
    return undefined;
  } finally {
    closeFd(fd);
  }
}

let socketMount: number | undefined;
let hasLooked = false;

/** Whether this kernel tells the inode of a socket there. */
export function hasDescriptorInfo(): boolean {
  if (!hasLooked) socketMount = findSocketMount();
  hasLooked = true;
  return socketMount !== undefined;
}

/** The inode of the socket that the file of this path tells of; 0: it is none, or cannot be read. */
export function readSocketInode(path: Uint8Array): number {
  if (!hasDescriptorInfo()) return 0;
  const fd = openFile(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  try {
    const length = readSync(fd, bytes, 0, INFO_BYTES, 0);
    return numberAfter(MOUNT, length) === socketMount ? numberAfter(INODE, length) : 0;
  } catch {
    return 0;
  } finally {
    closeFd(fd);
  }
}

function numberAfter(key: string, length: number): number {
  const found = bytes.indexOf(key, 0, 'latin1');
  return found < 0 ? 0 : readDigits(bytes, found + key.length, length);
}

/** The number that begins there, without a string; 0 if there is none. */
export function readDigits(text: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const byte = text[at] as number;
    if (byte < ZERO || byte > NINE) break;
    number = number * 10 + (byte - ZERO);
  }
  return number;
}
