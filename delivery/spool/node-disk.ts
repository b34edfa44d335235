// The real disk. The directory is treated as hostile until it has been looked at: it must be a directory, not
// a link to one, belong to this user, and be writable by nobody else. In it, no symbolic link is followed, and
// nothing is opened that could make us wait (a pipe). While it is open it is locked against other processes.

import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../../base/fault.ts';
import { lockFile } from '../../kernel/file-lock.ts';
import type { Disk, Folder, FolderEntry, SpoolFile } from './disk.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK, O_NOCTTY } = constants;
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;

export const nodeDisk: Disk = {
  enter: (directory) => {
    const fd = openDirectory(directory);
    try {
      refuseUnsafe(directory, fstatSync(fd));
      refuseInUse(directory, fd);
      return new NodeFolder(directory, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  },
};

function openDirectory(directory: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    return openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'EEXIST') {
      throw unsafe(directory, 'is not a directory, or a link to one');
    }
    throw new Fault('SPOOL_FAILED', {
      what: `The spool's directory could not be made or opened (${code ?? String(error)}).`,
      where: directory,
      mend: 'Make it, for the user that Belfry runs as: install -d -m 0700 -o USER DIRECTORY',
    });
  }
}

function unsafe(directory: string, why: string): Fault {
  return new Fault('SPOOL_UNSAFE', {
    what: `The spool's directory ${why}. What is in it could be read, changed or led elsewhere by another.`,
    where: directory,
    mend: 'Give it to the user that Belfry runs as, alone: chown -R USER DIRECTORY; chmod -R go-w DIRECTORY',
  });
}

function refuseUnsafe(directory: string, stats: Stats): void {
  if (stats.uid !== process.geteuid?.()) {
    throw unsafe(directory, `belongs to another user (uid ${stats.uid})`);
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) throw unsafe(directory, 'can be written by other users');
}

function refuseInUse(directory: string, fd: number): void {
  const locked = lockFile(fd);
  if (locked.ok) return;
  const isHeld = locked.error === 'EAGAIN' || locked.error === 'EWOULDBLOCK';
  throw new Fault(isHeld ? 'SPOOL_IN_USE' : 'SPOOL_FAILED', {
    what: isHeld ? 'Another process holds the spool.' : `The spool cannot be locked (${locked.error}).`,
    where: directory,
    mend: isHeld
      ? 'Stop the other agent (fuser -v DIRECTORY shows it), or give each its own directory.'
      : 'Put it on a file system that knows flock(2).',
  });
}

class NodeFolder implements Folder {
  /** The directory that was looked at, whatever its path leads to meanwhile: a volume may be unmounted, and come back. */
  readonly #directory: string;
  readonly #fd: number;
  #isOpen = true;

  constructor(directory: string, fd: number) {
    const held = `/proc/self/fd/${fd}`;
    this.#directory = existsSync(held) ? held : directory;
    this.#fd = fd;
  }

  list(): FolderEntry[] {
    const names = readdirSync(this.#directory).sort();
    return names.flatMap((name) => {
      const stats = lstatSync(join(this.#directory, name), { throwIfNoEntry: false });
      return stats ? [{ name, size: stats.size, isOurs: isOurs(stats) }] : [];
    });
  }

  create(name: string): SpoolFile {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
    const file = new NodeFile(openSync(join(this.#directory, name), flags, FILE_MODE));
    file.keepToUs();
    return file;
  }

  open(name: string, use: 'read' | 'write'): SpoolFile {
    const flags = (use === 'read' ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const file = new NodeFile(openSync(join(this.#directory, name), flags));
    if (file.isOurs()) {
      file.tighten();
      return file;
    }
    file.close();
    throw Object.assign(new Error(`${name} is no file of ours`), { code: 'ELOOP' });
  }

  remove(name: string): void {
    unlinkSync(join(this.#directory, name));
  }

  syncNames(): void {
    fsyncSync(this.#fd);
  }

  leave(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}

function isOurs(stats: Stats): boolean {
  return stats.isFile() && stats.uid === process.geteuid?.();
}

class NodeFile implements SpoolFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  isOurs(): boolean {
    return isOurs(fstatSync(this.#fd));
  }

  /** A mode that somebody loosened since is put right, where the file system lets us. */
  tighten(): void {
    try {
      if ((fstatSync(this.#fd).mode & WRITABLE_BY_OTHERS) !== 0) this.keepToUs();
    } catch {
      // Read-only: then nobody else can write either.
    }
  }

  /** Whatever the umask is. */
  keepToUs(): void {
    fchmodSync(this.#fd, FILE_MODE);
  }

  read(into: Uint8Array, at: number, length: number, position: number): number {
    return readSync(this.#fd, into, at, length, position);
  }

  write(from: Uint8Array, at: number, length: number, position: number): number {
    return writeSync(this.#fd, from, at, length, position);
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  hasName(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  sync(): void {
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
