// Runs journalctl, which reads the journal of any version of systemd, with an array of arguments and never a
// shell. Found by trying (systemd 252):
//
//  - `--follow` shows the last boot alone, whatever cursor it is given: what was not read before a reboot would
//    be lost. So a first run without it reads on to the end, and a second one follows. Where the journal is a
//    directory of its own `--merge` does the same, and is needed when boots change under it.
//  - `--after-cursor` steps over an entry even if it is not the cursor's: when that one was removed, the first
//    one after it would be lost. So we ask for the cursor's own entry, and leave it away if it comes.
//
// Refuses: to understand what comes, and to restart by itself.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { codeOf, Fault } from '../../../base/fault.ts';
import { OUTPUT_FIELDS } from './entry.ts';

export interface JournalPlace {
  readonly directory: string | undefined;
  readonly matches: readonly string[];
}

/** Where to begin: at an entry, at a time, or with everything. */
export interface JournalStart {
  readonly cursor?: string;
  readonly sinceSec?: number;
}

/** Its words are read: they must be English. Nothing else of our surroundings is its business. */
const ENVIRONMENT = { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin' } as const;
const PROBE_MS = 10_000;
const STDERR_CHARS_MAX = 2000;
const KILL_AFTER_MS = 1000;

export interface Probe {
  /** Of the newest entry; undefined: the journal is empty, or cannot be seen. */
  readonly last: { readonly cursor: string; readonly realtimeUs: number } | undefined;
  /** Only what this user may see. */
  readonly isPartial: boolean;
}

/** Looks at the newest entry. Throws a Fault when journalctl cannot be run, or refuses. */
export function probeJournal(command: string, place: JournalPlace): Promise<Probe> {
  const args = ['-n', '1', '-o', 'export', '--no-pager', ...directoryArgs(place)];
  const options = {
    env: ENVIRONMENT,
    timeout: PROBE_MS,
    encoding: 'latin1',
    maxBuffer: 64 * 1024 ** 2,
  } as const;
  return new Promise((done, fail) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const cursor = /^__CURSOR=(.+)$/m.exec(stdout)?.[1];
      const realtimeUs = Number(/^__REALTIME_TIMESTAMP=(\d+)$/m.exec(stdout)?.[1]);
      const isPartial = /not seeing messages from|insufficient permissions/i.test(stderr);
      if (error && !isPartial) fail(probeFault(command, place, error, stderr));
      else done({ last: cursor === undefined ? undefined : { cursor, realtimeUs }, isPartial });
    });
  });
}

function probeFault(command: string, place: JournalPlace, error: Error, stderr: string): Fault {
  const where = place.directory ?? 'the journal of this host';
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') {
    return new Fault('INPUT_FAILED', {
      what: `The journal is read with ${command}, which cannot be run (${codeOf(error)}).`,
      where,
      mend: 'Install systemd, or take the input "journald" out: where no journald runs, "devlog" receives.',
    });
  }
  return new Fault('INPUT_FAILED', {
    what: `journalctl does not read the journal: ${firstLine(stderr) ?? error.message}`,
    where,
    mend: `Try it by hand: journalctl ${[...directoryArgs(place), '-n', '1'].join(' ')}`,
  });
}

export function firstLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '');
}

function directoryArgs({ directory }: JournalPlace): string[] {
  return directory === undefined ? [] : [`--directory=${directory}`];
}

function startArgs({ cursor, sinceSec }: JournalStart): string[] {
  if (cursor !== undefined) return [`--cursor=${cursor}`];
  return sinceSec === undefined ? [] : [`--since=@${Math.floor(sinceSec)}`];
}

export function journalArgs(place: JournalPlace, start: JournalStart, isFollowing: boolean): string[] {
  return [
    '--output=export',
    `--output-fields=${OUTPUT_FIELDS}`,
    '--no-pager',
    '--quiet',
    ...directoryArgs(place),
    ...(place.directory === undefined ? [] : ['--merge']),
    ...(isFollowing ? ['--follow', '--no-tail'] : []),
    ...startArgs(start),
    '--',
    ...place.matches,
  ];
}

export interface JournalEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The first words of what it said, or why it could not be started. */
  readonly said: string;
}

/** One run of journalctl. */
export class JournalRun {
  readonly output: Readable;
  /** When it has ended and all its output has been read. */
  readonly ended: Promise<JournalEnd>;
  readonly #child: ChildProcess;

  constructor(command: string, args: readonly string[]) {
    const child = spawn(command, args, { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    // Where no descriptor is left Node gives a child without pipes, and tells why only later.
    if (
      (child.stdout as Readable | undefined) === undefined ||
      (child.stderr as Readable | undefined) === undefined
    ) {
      child.on('error', () => undefined);
      throw new Error('no descriptor is left for its output');
    }
    this.output = child.stdout;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, STDERR_CHARS_MAX);
    });
    this.ended = new Promise((done) => {
      child.on('error', (error) => {
        said ||= error.message;
        if (child.pid === undefined) done({ code: null, signal: null, said });
      });
      child.on('close', (code, signal) => done({ code, signal, said: firstLine(said) ?? '' }));
    });
  }

  /** What it still has to say is not wanted any more. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), KILL_AFTER_MS);
    this.output.destroy();
    await this.ended;
    clearTimeout(late);
  }
}
