// A spool as somebody sees it who only looks: read-only, without the lock, beside the agent that uses it. What
// belongs to the directory's owner counts as the spool's; root may look at everybody's.
//
// Refuses: to change anything, to follow a symbolic link, to open what could make us wait (a pipe).

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../../base/fault.ts';
import type { Folder, FolderEntry, SpoolFile } from './disk.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

function refuse(): never {
  throw Object.assign(new Error('who looks changes nothing'), { code: 'EROFS' });
}

/** Throws a Fault when there is no such directory, or it may not be read. */
export function lookInto(directory: string): Folder {
  try {
    const { uid } = statSync(directory);
    readdirSync(directory);
    return new LookFolder(directory, uid);
  } catch (error) {
    const code = codeOf(error) ?? String(error);
    throw new Fault('QUEUE_NOT_FOUND', {
      what: `There is no queue to look at: ${code}.`,
      where: directory,
      mend: 'Name the directory of a queue ("queue.directory" of a destination); `belfry status` shows it. Ask as root where it belongs to another user.',
    });
  }
}

class LookFolder implements Folder {
  readonly #directory: string;
  readonly #uid: number;

  constructor(directory: string, uid: number) {
    this.#directory = directory;
    this.#uid = uid;
  }

  list(): FolderEntry[] {
    return readdirSync(this.#directory)
      .sort()
      .flatMap((name) => {
        const stats = lstatSync(join(this.#directory, name), { throwIfNoEntry: false });
        if (stats === undefined) return [];
        return [{ name, size: stats.size, isOurs: stats.isFile() && stats.uid === this.#uid }];
      });
  }

  open(name: string, use: 'read' | 'write'): SpoolFile {
    if (use === 'write') return refuse();
    const fd = openSync(join(this.#directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fstatSync(fd).isFile()) return new LookFile(fd);
    closeSync(fd);
    throw Object.assign(new Error(`${name} is no file`), { code: 'ELOOP' });
  }

  create(): SpoolFile {
    return refuse();
  }

  remove(): void {
    refuse();
  }

  syncNames(): void {}

  leave(): void {}
}

class LookFile implements SpoolFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(into: Uint8Array, at: number, length: number, position: number): number {
    return readSync(this.#fd, into, at, length, position);
  }

  write(): number {
    return refuse();
  }

  truncate(): void {
    refuse();
  }

  hasName(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  sync(): void {}

  close(): void {
    closeSync(this.#fd);
  }
}
