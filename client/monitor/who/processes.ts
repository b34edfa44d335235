// What a process is called, when it began, and in which control group it is: from /proc, read when it is asked for, since
// a process may take another name (execve) at any time. Who begins under the same pid later is told by the start.
// Refuses: to wait, and command lines; they hold secrets.

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { codeOf } from '../../../base/fault.ts';
import { hasDescriptorInfo } from '../../../kernel/descriptor-info.ts';
import { readGroupFile } from './units.ts';

export interface Process {
  readonly pid: number;
  readonly name: string;
  /** Clock ticks since the host started (proc(5), field 22). */
  readonly startTicks: number;
}

const FILE_BYTES = 4096;
/** proc(5): "(comm)" is the second field and may hold spaces and brackets; after it, `starttime` is the 20th. */
const START_FIELD = 19;

/** Of the text of /proc/PID/stat. */
export function readStat(pid: number, text: string): Process | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const startTicks = Number(text.slice(close + 2).split(' ', START_FIELD + 1)[START_FIELD]);
  return Number.isFinite(startTicks) ? { pid, name: text.slice(open + 1, close), startTicks } : undefined;
}

const buffer = Buffer.alloc(FILE_BYTES);

/** The first 4 KiB; undefined: it is not there, or not to be read. */
function readShort(path: string): string | undefined {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, FILE_BYTES, 0));
  } catch {
    return undefined;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

export function readProcess(pid: number): Process | undefined {
  const text = readShort(`/proc/${pid}/stat`);
  return text === undefined ? undefined : readStat(pid, text);
}

/** The path of its control group; undefined: it is gone. */
export function readProcessGroup(pid: number): string | undefined {
  const text = readShort(`/proc/${pid}/cgroup`);
  return text === undefined ? undefined : readGroupFile(text);
}

/** The process that a thread belongs to; of a process, itself. */
export function readLeader(pid: number): number | undefined {
  const found = /^Tgid:\t(\d+)$/m.exec(readShort(`/proc/${pid}/status`) ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Who may look into it without further rights; undefined: it is gone. */
export function readProcessUser(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

/** The pid that was given last; undefined: a sandbox hides it (ProcSubset=pid). */
export function readLastPid(): number | undefined {
  const last = Number(readShort('/proc/loadavg')?.split(' ')[4]);
  return last > 0 ? last : undefined;
}

/** Those that can be seen. */
export function listProcesses(): number[] {
  try {
    const pids: number[] = [];
    for (const name of readdirSync('/proc')) {
      const first = name.charCodeAt(0);
      if (first >= 0x31 && first <= 0x39) pids.push(Number(name));
    }
    return pids;
  } catch {
    return [];
  }
}

export type Descriptors = readonly number[] | 'gone' | 'hidden';

/** The descriptors of a process. Whoever may not open the folder of its links may see what is told of each. */
export function listDescriptors(pid: number): Descriptors {
  const listed = listNumbers(`/proc/${pid}/fd`);
  return listed === 'hidden' && hasDescriptorInfo() ? listNumbers(`/proc/${pid}/fdinfo`) : listed;
}

function listNumbers(folder: string): Descriptors {
  try {
    return readdirSync(folder).map(Number);
  } catch (error) {
    const code = codeOf(error);
    return code === 'EACCES' || code === 'EPERM' ? 'hidden' : 'gone';
  }
}
