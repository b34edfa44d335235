// What this host has to say to agent.json: whether its patterns find files, its directories can be written, its
// socket is free, its journal can be read; and which ways of sending may lose messages. All of it may be otherwise
// tomorrow, or for the user of the service: worth a look, and no reason to refuse the configuration.

import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Accounts, type Identity, ownIdentity, readAccounts } from './accounts.ts';
import type { AgentConfig, DestinationConfig, InputConfig } from './agent.ts';
import type { Add } from './agent-rules.ts';
import type { Document, Path } from './document.ts';
import type { FileSearch } from './load.ts';
import type { Problem } from './problem.ts';
import { get } from './rules.ts';
import { placeSaid } from './validate.ts';
import { noteTraffic } from './check-traffic.ts';
import { directoryWriteProblem } from './writable.ts';

function isList(document: Document, at: number): boolean {
  return Array.isArray(get(get(get(document.value, 'inputs'), String(at)), 'path'));
}

export type Note = (path: Path, problem: Problem) => void;

export function noteHost(
  document: Document,
  config: AgentConfig,
  findFiles: FileSearch | undefined,
  add: Add,
): void {
  const accounts = readAccounts();
  const identity = ownIdentity();
  const note: Note = (path, { what, mend }) =>
    add(placeSaid(document, { code: 'CONFIG_NOTE', path, part: 'value', what, mend }));
  for (const [at, input] of config.inputs.entries()) {
    const path = ['inputs', at];
    noteInput(path, input, note);
    if (findFiles !== undefined) notePatterns(path, input, isList(document, at), findFiles, note);
  }
  for (const [at, destination] of config.destinations.entries()) {
    noteScheme(['destinations', at, 'to'], destination, note);
    const problem = directoryWriteProblem(destination.queue.directory, accounts, identity);
    if (problem !== undefined) note(['destinations', at, 'queue', 'directory'], problem);
  }
  if (config.traffic !== undefined) noteTraffic(config.traffic, config.inputs, accounts, identity, note);
  noteSocket(config.control.socket, accounts, identity, note);
}

function noteInput(path: Path, input: InputConfig, note: Note): void {
  switch (input.type) {
    case 'file':
    case 'listen':
    case 'stdin':
      return;
    case 'devlog': {
      const problem = devlogProblem(input.path);
      if (problem !== undefined) note([...path, 'path'], problem);
      return;
    }
    case 'journald': {
      const problem = journalProblem(input.directory);
      if (problem !== undefined) note([...path, 'directory'], problem);
      return;
    }
    default:
      input satisfies never;
  }
}

/** What each pattern of a file input finds now. `isList`: they were written as a list. */
function notePatterns(
  path: Path,
  input: InputConfig,
  isList: boolean,
  findFiles: FileSearch,
  note: Note,
): void {
  if (input.type !== 'file') return;
  for (const [at, pattern] of input.paths.entries()) {
    const problem = patternProblem(pattern, input.exclude, findFiles);
    if (problem !== undefined) note([...path, 'path', ...(isList ? [at] : [])], problem);
  }
}

function patternProblem(
  pattern: string,
  exclude: readonly string[],
  findFiles: FileSearch,
): Problem | undefined {
  const { files, obstacles } = findFiles([pattern], exclude);
  const [locked] = [...obstacles].filter(([, { code }]) => code === 'EACCES' || code === 'EPERM');
  if (locked !== undefined) return lockedProblem(locked[0]);
  if (files.size === 0)
    return {
      what: `${pattern} matches no file at the moment.`,
      mend: 'Is the path right? New files are found as they appear.',
    };
  const file = [...files.keys()].slice(0, FILES_TRIED_MAX).find((path) => !mayRead(path));
  return file === undefined ? undefined : lockedProblem(file);
}

/** Files of one pattern that are tried: one that cannot be read is enough for a note. */
const FILES_TRIED_MAX = 100;

function lockedProblem(path: string): Problem {
  return {
    what: `${path} cannot be read by this user.`,
    mend: 'Give the user of the service the group of it (on Debian mostly adm), or check as that user.',
  };
}

function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function devlogProblem(path: string): Problem | undefined {
  const target = realPath(path);
  if (target === undefined) return undefined;
  if (target.startsWith('/run/systemd/journal/'))
    return {
      what: `${path} belongs to journald (it leads to ${target}).`,
      mend: 'Write { "type": "journald" }: what programs log there is in the journal.',
    };
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSocket() !== true)
    return { what: `${path} is there already, and is no socket.`, mend: 'Name another path, or remove it.' };
  if (!isBound(path)) return undefined;
  return {
    what: `Another program owns ${path} at the moment.`,
    mend: `If it is not a running agent, stop it: ss -xlp | grep ${path}`,
  };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** The kernel's list of Unix sockets; the last column is the path that one was bound to (proc(5)). */
function isBound(path: string): boolean {
  try {
    return readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .some((line) => line.endsWith(` ${path}`));
  } catch {
    return false;
  }
}

/** Where journald keeps its files (systemd-journald.service(8)). */
const JOURNAL_DIRECTORIES = ['/var/log/journal', '/run/log/journal'];
const JOURNALCTL_PATHS = ['/usr/bin/journalctl', '/bin/journalctl'];

function journalProblem(directory: string | undefined): Problem | undefined {
  if (!JOURNALCTL_PATHS.some((path) => existsSync(path)))
    return {
      what: 'There is no journalctl on this host.',
      mend: 'Without systemd, use { "type": "devlog" }; else install systemd.',
    };
  const files = (directory === undefined ? JOURNAL_DIRECTORIES : [directory]).flatMap(journalFiles);
  if (files.length === 0)
    return {
      what: `There is no journal in ${directory ?? JOURNAL_DIRECTORIES.join(' or ')} that this user can see.`,
      mend: 'Is journald running? Its files are seen by root and the group systemd-journal.',
    };
  if (files.some(mayRead)) return undefined;
  return {
    what: `The journal cannot be read by this user (${files[0]}).`,
    mend: 'In the unit: SupplementaryGroups=systemd-journal. By hand: check as the user of the service.',
  };
}

/** Journal files lie in a directory named for the machine, or in the directory itself. */
function journalFiles(directory: string): string[] {
  const own = listFiles(directory).map((name) => `${directory}/${name}`);
  const below = own.flatMap((path) => listFiles(path).map((name) => `${path}/${name}`));
  // Those of single users are readable for each of them, and say nothing of the rest.
  return [...own, ...below].filter((path) => path.endsWith('.journal') && !/\/user-[^/]*$/.test(path));
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function noteScheme(path: Path, { name, to }: DestinationConfig, note: Note): void {
  const [first] = to;
  const relp =
    first === undefined ? '' : `"relp://${first.host.includes(':') ? `[${first.host}]` : first.host}:2514"`;
  if (first?.scheme === 'udp')
    note(path, {
      what: `"${name}" goes by UDP: what gets lost on the way is lost without a trace.`,
      mend: `If the server can, write ${relp}.`,
    });
  if (first?.scheme === 'tcp')
    note(path, {
      what: `"${name}" goes by plain TCP: nothing tells that a message has been taken, so those on the way when the server dies can be lost.`,
      mend: `If the server can, write ${relp}, which is acknowledged.`,
    });
}

/** The directory is made at the start where that is allowed, as by RuntimeDirectory= of the unit. */
function noteSocket(socket: string, accounts: Accounts, identity: Identity, note: Note): void {
  const problem = directoryWriteProblem(dirname(socket), accounts, identity);
  if (problem !== undefined) note(['control', 'socket'], problem);
}
