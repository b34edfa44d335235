// What the spool asks of a disk, so that a test can hand in one that tears, fills up and forgets. All calls
// are synchronous and throw the system's error, with its code, when the system refuses.

export interface Disk {
  /** Opens a directory for this process alone, and makes it if need be. Throws a Fault where that cannot be. */
  enter(directory: string): Folder;
}

/** What stands in the directory under a name. */
export interface FolderEntry {
  readonly name: string;
  readonly size: number;
  /** A plain file that belongs to us: neither a symbolic link, nor a pipe, nor somebody else's. */
  readonly isOurs: boolean;
}

export interface Folder {
  /** In the order of the names. */
  list(): FolderEntry[];
  /** A new, empty file, readable and writable by us alone. EEXIST when the name is taken. */
  create(name: string): SpoolFile;
  /** Never follows a symbolic link (ELOOP). */
  open(name: string, use: 'read' | 'write'): SpoolFile;
  remove(name: string): void;
  /** Names that were made are still there after a power cut. */
  syncNames(): void;
  /** Lets others in. */
  leave(): void;
}

export interface SpoolFile {
  /** How many bytes were there, at most `length`; 0 at the end of the file. */
  read(into: Uint8Array, at: number, length: number, position: number): number;
  /** How many were taken; a disk that fills up takes some before it refuses. */
  write(from: Uint8Array, at: number, length: number, position: number): number;
  truncate(size: number): void;
  /** False: somebody has removed it; what is written goes nowhere. */
  hasName(): boolean;
  /** Bytes that were written are still there after a power cut. */
  sync(): void;
  close(): void;
}

/** How much was taken, and why not all of it, if so. */
export interface Written {
  readonly bytes: number;
  readonly error?: unknown;
}

export function writeAll(file: SpoolFile, from: Uint8Array, length: number, position: number): Written {
  let bytes = 0;
  try {
    while (bytes < length) {
      const count = file.write(from, bytes, length - bytes, position + bytes);
      if (count === 0) return { bytes, error: new Error('the disk takes nothing and does not say why') };
      bytes += count;
    }
    return { bytes };
  } catch (error) {
    return { bytes, error };
  }
}

/** Reads until `length` or the end of the file, and says how much there was. */
export function readAll(file: SpoolFile, into: Uint8Array, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const count = file.read(into, done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
