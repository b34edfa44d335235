// The place of a local socket, such as /dev/log: who stands there, and taking it without hurting anybody.
// Promises: a socket whose owner is gone is replaced; one with a living owner, a link (journald's), a file is
// left alone, and the Fault says whose it is; at the end only our own is removed.
//
// A socket that we hold keeps its inode, so device and inode say whether the one at the path is still ours.

import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { codeOf, Fault, type FaultCode } from '../../../base/fault.ts';
import { closeSocket, growReceiveBuffer, type ReceiveBuffer } from '../../../kernel/socket.ts';
import { bindUnixDatagram, probeUnixDatagram } from '../../../kernel/unix-datagram.ts';

export interface OwnedSocket {
  readonly fd: number;
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  readonly buffer: ReceiveBuffer;
}

export interface SocketWish {
  readonly path: string;
  readonly mode: number;
  readonly receiveBufferBytes: number;
}

/** Takes the path. Throws a Fault when it is not to be had. */
export function takeSocketPath(wish: SocketWish): OwnedSocket {
  const { path } = wish;
  clear(path);
  const bound = bindUnixDatagram(path);
  if (!bound.ok) throw refusal(path, bound.error);
  const { fd } = bound;
  try {
    // Between bind and here only those could send whom the umask let; nobody was refused for long.
    chmodSync(path, wish.mode);
    const { dev, ino } = lstatSync(path);
    return { fd, path, device: dev, inode: ino, buffer: growReceiveBuffer(fd, wish.receiveBufferBytes) };
  } catch (error) {
    closeSocket(fd);
    throw refusal(path, codeOf(error) ?? String(error));
  }
}

/** Makes room for a socket: removes one whose owner is gone, and nothing else. */
function clear(path: string): void {
  const stats = look(path);
  if (stats === undefined) return;
  if (stats.isSymbolicLink()) throw isLink(path);
  if (!stats.isSocket()) {
    throw new Fault('INPUT_FAILED', {
      what: 'What stands there is no socket.',
      where: path,
      mend: 'Remove it if nobody needs it, or give the input another path.',
    });
  }
  const error = probeUnixDatagram(path);
  if (error === undefined || error === 'EPROTOTYPE') throw isTaken(path);
  if (error !== 'ECONNREFUSED' && error !== 'ENOENT') throw refusal(path, error);
  try {
    unlinkSync(path);
  } catch (failed) {
    if (codeOf(failed) !== 'ENOENT') throw refusal(path, codeOf(failed) ?? String(failed));
  }
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = codeOf(error) ?? String(error);
    if (code === 'ENOENT') return undefined;
    throw refusal(path, code);
  }
}

function isLink(path: string): Fault {
  const target = readlinkSync(path);
  const isJournald = target.includes('systemd/journal');
  return new Fault('INPUT_IN_USE', {
    what: `The path is a link to ${target}${isJournald ? ': systemd-journald receives there' : ''}.`,
    where: path,
    mend: isJournald
      ? 'Read the journal instead, which has all of it: { "type": "journald" }.'
      : 'Give the input the path of the socket itself, or remove the link.',
  });
}

function isTaken(path: string): Fault {
  const owner = ownerOf(path);
  return new Fault('INPUT_IN_USE', {
    what: `${owner ?? 'Another program'} receives there already.`,
    where: path,
    mend: 'Stop it, if the agent is to take its place; or give the input another path.',
  });
}

const REASONS: Readonly<Record<string, { code: FaultCode; what: string; mend: string }>> = {
  EACCES: {
    code: 'INPUT_PERMISSION',
    what: 'Belfry may not make a socket there',
    mend: 'Run it as root, or choose a directory that its user may write, such as one of RuntimeDirectory=.',
  },
  EROFS: {
    code: 'INPUT_PERMISSION',
    what: 'The file system is read-only',
    mend: 'Under systemd, name the directory in ReadWritePaths= of the unit.',
  },
  ENOENT: {
    code: 'INPUT_FAILED',
    what: 'The directory does not exist',
    mend: 'Make it before Belfry starts; under systemd with RuntimeDirectory=.',
  },
  ENAMETOOLONG: {
    code: 'INPUT_FAILED',
    what: 'The path is too long for a socket',
    mend: 'Use at most 107 bytes.',
  },
};

function refusal(path: string, error: string): Fault {
  const reason = REASONS[error === 'EPERM' ? 'EACCES' : error];
  if (error === 'EADDRINUSE') return isTaken(path);
  return new Fault(reason?.code ?? 'INPUT_FAILED', {
    what: `${reason?.what ?? 'The socket could not be made'} (${error}).`,
    where: path,
    mend: reason?.mend ?? 'Look at the directory and its file system.',
  });
}

/** "rsyslogd (pid 812)", as far as /proc shows it. */
function ownerOf(path: string): string | undefined {
  const inodes = inodesOf(path);
  if (inodes.length === 0) return undefined;
  for (const pid of names('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of names(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.includes(inode)) return `${textOf(`/proc/${pid}/comm`)} (pid ${pid})`;
    }
  }
  return undefined;
}

/** /proc/net/unix: seven columns, then the path. */
function inodesOf(path: string): string[] {
  const rows = textOf('/proc/net/unix').split('\n');
  return rows.flatMap((row) => {
    const found = /^(?:\S+\s+){6}(\d+) (.*)$/.exec(row);
    return found?.[2] === path ? [found[1] as string] : [];
  });
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Is what stands at the path still the socket that we hold? */
export function isOurs(socket: OwnedSocket): boolean {
  try {
    const { dev, ino } = lstatSync(socket.path);
    return dev === socket.device && ino === socket.inode;
  } catch {
    return false;
  }
}

/** Nobody finds it any more; what was sent before can still be read. */
export function removeOwn(socket: OwnedSocket): void {
  if (!isOurs(socket)) return;
  try {
    unlinkSync(socket.path);
  } catch {
    // The directory went, or became read-only: then nobody finds our socket there either.
  }
}
