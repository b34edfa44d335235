// What a file is known by, besides its number: its first bytes, up to 1 KiB. An inode that a new file got after the
// old one was removed, and a file that was cut to nothing and written anew, differ from what they were here.
// Refuses: to tell files apart that begin alike for a whole KiB; then number, birth and size decide alone.

import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';

export const HEAD_BYTES_MAX = 1024;

/** First bytes of a file as they were. Never changed: a file that grows gets a new one. */
export class Head {
  readonly bytes: Buffer;
  #hash: string | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get hash(): string {
    this.#hash ??= hashOf(this.bytes);
    return this.#hash;
  }
}

export const NO_HEAD = new Head(Buffer.alloc(0));

const scratch = Buffer.alloc(HEAD_BYTES_MAX);

/** The first bytes of an open file, at most `length`; valid until the next call. */
function readFirst(fd: number, length: number): Buffer {
  let count = 0;
  while (count < length) {
    const more = readSync(fd, scratch, count, length - count, count);
    if (more === 0) break;
    count += more;
  }
  return scratch.subarray(0, count);
}

/** The head of the file, if it still begins with `known`, longer where it has grown; else undefined. */
export function renewHead(fd: number, known: Head): Head | undefined {
  const now = readFirst(fd, HEAD_BYTES_MAX);
  const { bytes } = known;
  if (now.length < bytes.length || now.compare(bytes, 0, bytes.length, 0, bytes.length) !== 0)
    return undefined;
  return now.length === bytes.length ? known : new Head(Buffer.from(now));
}

/** Does the file begin with bytes of this number and hash? */
export function beginsWith(fd: number, length: number, hash: string): boolean {
  if (length > HEAD_BYTES_MAX) return false;
  const first = readFirst(fd, length);
  return first.length === length && hashOf(first) === hash;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

const ANY = -1;

/** Names of compressed files' formats, by their first bytes: gzip, xz, bzip2, zstd, zip, lz4. */
const COMPRESSED: readonly (readonly [string, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2', [0x42, 0x5a, 0x68, ANY, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
];

/** A rotated log that a pattern still matches may be compressed: those bytes are no lines. */
export function compressionOf(head: Head): string | undefined {
  const found = COMPRESSED.find(([, magic]) =>
    magic.every((byte, i) => byte === ANY || head.bytes[i] === byte),
  );
  return found?.[0];
}
