// What a command sees of the world: where it writes, where it reads, who looks. Handed in by main, so that a
// test can be the world.

import type { Readable } from 'node:stream';

export interface Io {
  stdout(text: string): void;
  /** Bytes as they are; resolves when they are taken. False: nobody reads any more. */
  stdoutBytes(bytes: Uint8Array): Promise<boolean>;
  stderr(text: string): void;
  readonly stdin: Readable;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Width of the terminal, or of a page where there is none. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly version: string;
}
