// The bytes of a configuration file, or the fault that keeps them from us: it is not there, not readable, a
// directory, or larger than any operator writes. Never waits for a file that is changing.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '../base/fault.ts';

/** A configuration of 100,000 rules has about 10 MB. */
const FILE_BYTES_MAX = 32 * 1024 ** 2;

export type ProgramName = 'server' | 'agent';

/** The bytes of a file or a pipe (`belfry check -c /dev/stdin`), at most FILE_BYTES_MAX. */
export function readWhole(file: string, program: ProgramName): Buffer | Fault {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    return unreadable(file, error, program);
  }
  try {
    if (fstatSync(fd).isDirectory()) return notAFile(file, program);
    return readUpTo(fd) ?? tooLarge(file);
  } catch (error) {
    return unreadable(file, error, program);
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total <= FILE_BYTES_MAX) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const length = readSync(fd, chunk);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
    total += length;
  }
  return undefined;
}

function notAFile(file: string, program: ProgramName): Fault {
  return new Fault('CONFIG_NOT_READABLE', {
    what: 'The configuration is a directory, not a file.',
    where: file,
    mend: `Name the file in it, such as ${file.replace(/\/+$/, '')}/${program}.json.`,
  });
}

function tooLarge(file: string): Fault {
  return new Fault('CONFIG_NOT_READABLE', {
    what: `The file is larger than ${FILE_BYTES_MAX / 1024 ** 2} MiB.`,
    where: file,
    mend: 'Is it the right file?',
  });
}

function unreadable(file: string, error: unknown, program: ProgramName): Fault {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (reason === 'ENOENT' || reason === 'ENOTDIR') {
    return new Fault('CONFIG_NOT_FOUND', {
      what: 'There is no such configuration file.',
      where: file,
      mend: `Copy config/examples/${program}.json from the Belfry package to ${file}, or name another file with -c FILE.`,
    });
  }
  return new Fault('CONFIG_NOT_READABLE', {
    what: `The configuration file cannot be read (${reason}).`,
    where: file,
    mend:
      reason === 'EACCES'
        ? 'Let the user that runs Belfry read it: its group, mode 0640, and x on each directory above it.'
        : 'See to the file and the disk that it lies on.',
  });
}
