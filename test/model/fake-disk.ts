// A disk that behaves as badly as real ones may: it fills up, fails, forgets what was not synced, tears writes
// at a power cut, and lets strangers in. All of it from a seed.
//
// What it forgets: after a power cut a file holds what was synced, and of each later write any part (in pieces
// of SECTOR bytes, or cut within one); the rest is zeros or not there. A name that was not synced may be gone,
// one that was removed may be back. A sync that failed marks the bytes clean: a later sync does nothing for them.

import type { Disk, Folder, FolderEntry, SpoolFile } from '../../delivery/spool/disk.ts';

const SECTOR = 32;

/** The process ends in the midst of a call. */
export class Killed extends Error {}

function refused(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface Change {
  readonly at: number;
  readonly bytes: Uint8Array;
}

class FakeFile {
  bytes = new Uint8Array(0);
  durable = new Uint8Array(0);
  changes: Change[] = [];
  isNameDurable = false;
  isOurs = true;
  readonly flipped = new Set<number>();

  put(at: number, bytes: Uint8Array): void {
    if (at + bytes.length > this.bytes.length) {
      const grown = new Uint8Array(at + bytes.length);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(bytes, at);
  }

  cut(size: number): void {
    this.bytes = this.bytes.slice(0, size);
    // Ordered before what follows, as in a journalling file system.
    this.durable = this.durable.slice(0, size);
    this.changes = this.changes.filter(({ at }) => at < size);
    this.changes = this.changes.map(({ at, bytes }) => ({ at, bytes: bytes.subarray(0, size - at) }));
  }
}

export interface Troubles {
  isReadOnly: boolean;
  failsSync: boolean;
  failsRead: boolean;
  /** The process ends after so many more calls that change something. */
  killAfter: number | undefined;
}

export class FakeDisk implements Disk {
  readonly files = new Map<string, FakeFile>();
  /** Removed, but a power cut may bring them back. */
  readonly removed = new Map<string, FakeFile>();
  readonly troubles: Troubles = {
    isReadOnly: false,
    failsSync: false,
    failsRead: false,
    killAfter: undefined,
  };
  capacity = Number.POSITIVE_INFINITY;
  #isLocked = false;
  #isKilled = false;
  readonly #random: () => number;

  /** `random` gives numbers from 0 to 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  enter(): Folder {
    if (this.#isLocked) throw refused('EWOULDBLOCK');
    this.#isLocked = true;
    return {
      list: () => this.#list(),
      create: (name) => this.#create(name),
      open: (name, use) => this.#open(name, use),
      remove: (name) => this.#remove(name),
      syncNames: () => this.#syncNames(),
      leave: () => {
        this.#isLocked = false;
      },
    };
  }

  get usedBytes(): number {
    let sum = 0;
    for (const file of this.files.values()) sum += file.bytes.length;
    return sum;
  }

  /** The process is no more: whatever still runs of it has no effect. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  #change(): void {
    if (this.#isKilled || this.troubles.killAfter === 0) {
      this.#isKilled = true;
      throw new Killed();
    }
    if (this.troubles.killAfter !== undefined) this.troubles.killAfter -= 1;
    if (this.troubles.isReadOnly) throw refused('EROFS');
  }

  #list(): FolderEntry[] {
    const entries = [...this.files].map(([name, file]) => {
      return { name, size: file.bytes.length, isOurs: file.isOurs };
    });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #create(name: string): SpoolFile {
    this.#change();
    if (this.files.has(name)) throw refused('EEXIST');
    if (this.usedBytes >= this.capacity) throw refused('ENOSPC');
    const file = new FakeFile();
    this.files.set(name, file);
    return this.#handle(file);
  }

  #open(name: string, use: 'read' | 'write'): SpoolFile {
    const file = this.files.get(name);
    if (file === undefined) throw refused('ENOENT');
    if (!file.isOurs) throw refused('ELOOP');
    if (use === 'write' && this.troubles.isReadOnly) throw refused('EROFS');
    return this.#handle(file);
  }

  #remove(name: string): void {
    this.#change();
    const file = this.files.get(name);
    if (file === undefined) throw refused('ENOENT');
    this.files.delete(name);
    if (file.isNameDurable) this.removed.set(name, file);
  }

  #syncNames(): void {
    if (this.troubles.failsSync) throw refused('EIO');
    this.#change();
    for (const file of this.files.values()) file.isNameDurable = true;
    this.removed.clear();
  }

  #handle(file: FakeFile): SpoolFile {
    let isOpen = true;
    const check = () => {
      if (!isOpen) throw refused('EBADF');
    };
    return {
      read: (into, at, length, position) => {
        check();
        if (this.troubles.failsRead) throw refused('EIO');
        // At most a part at once, as the system may do.
        const there = file.bytes.subarray(position, position + Math.min(length, 1000));
        into.set(there, at);
        return there.length;
      },
      write: (from, at, length, position) => {
        check();
        return this.#write(file, new Uint8Array(from.subarray(at, at + length)), position);
      },
      truncate: (size) => {
        check();
        this.#change();
        file.cut(size);
      },
      hasName: () => [...this.files.values()].includes(file),
      sync: () => {
        check();
        this.#sync(file);
      },
      close: () => {
        check();
        isOpen = false;
      },
    };
  }

  #write(file: FakeFile, bytes: Uint8Array, position: number): number {
    const { killAfter } = this.troubles;
    if (killAfter === 0 && !this.#isKilled)
      file.put(position, bytes.subarray(0, Math.floor(this.#random() * bytes.length)));
    this.#change();
    const grows = Math.max(0, position + bytes.length - file.bytes.length);
    const room = Math.max(0, this.capacity - this.usedBytes);
    const count = bytes.length - Math.max(0, grows - room);
    if (count <= 0) throw refused('ENOSPC');
    const part = bytes.subarray(0, count);
    file.put(position, part);
    file.changes.push({ at: position, bytes: part });
    return count;
  }

  #sync(file: FakeFile): void {
    if (this.troubles.failsSync) {
      file.changes = [];
      throw refused('EIO');
    }
    this.#change();
    const clean = new Uint8Array(file.bytes.length);
    clean.set(file.durable);
    for (const { at, bytes } of file.changes) clean.set(bytes, at);
    file.durable = clean;
    file.changes = [];
  }

  /** The process is gone: what it wrote is there. */
  kill(): void {
    this.#isLocked = false;
    this.#isKilled = false;
    this.troubles.killAfter = undefined;
  }

  /** The machine is gone, and back. */
  cutPower(): void {
    this.kill();
    for (const [name, file] of this.removed) {
      if (this.#random() < 0.5 && !this.files.has(name)) this.files.set(name, file);
    }
    this.removed.clear();
    for (const [name, file] of [...this.files]) {
      if (!file.isNameDurable && this.#random() < 0.5) this.files.delete(name);
      else this.#forget(file);
    }
  }

  #forget(file: FakeFile): void {
    const sizeBefore = file.bytes.length;
    file.bytes = file.durable.slice();
    const keeps = this.#random();
    for (const { at, bytes } of file.changes) {
      for (let i = 0; i < bytes.length; i += SECTOR) {
        if (this.#random() >= keeps) continue;
        const end = this.#random() < 0.1 ? i + Math.floor(this.#random() * SECTOR) : i + SECTOR;
        file.put(at + i, bytes.subarray(i, end));
      }
    }
    if (this.#random() < 0.3) file.put(sizeBefore, new Uint8Array(0)); // its size was kept, its bytes were not
    file.durable = file.bytes.slice();
    file.changes = [];
    file.isNameDurable = true;
  }

  /** Flips a bit of one file whose name ends so. False: there was none. */
  flip(ending: string): boolean {
    const candidates = [...this.files].filter(
      ([name, file]) => name.endsWith(ending) && file.bytes.length > 0,
    );
    const file = candidates[Math.floor(this.#random() * candidates.length)]?.[1];
    if (file === undefined) return false;
    const at = Math.floor(this.#random() * file.bytes.length);
    const bit = 1 << Math.floor(this.#random() * 8);
    if (file.flipped.has(256 * at + bit)) return true; // damage does not mend itself
    file.flipped.add(256 * at + bit);
    file.bytes[at] = (file.bytes[at] as number) ^ bit;
    if (at < file.durable.length) file.durable[at] = (file.durable[at] as number) ^ bit;
    return true;
  }

  pick(ending: string): string | undefined {
    const names = [...this.files.keys()].filter((name) => name.endsWith(ending));
    return names[Math.floor(this.#random() * names.length)];
  }

  /** A stranger's file, or a link in the place of one. */
  plant(name: string): void {
    const file = new FakeFile();
    file.isOurs = false;
    file.isNameDurable = true;
    file.put(0, new Uint8Array(7));
    this.files.set(name, file);
  }
}
