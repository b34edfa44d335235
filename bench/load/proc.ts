// What the kernel says about a running program: processor time, memory, dropped datagrams. All from /proc
// (proc(5)), so that every program is measured alike, its threads and children included.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/PID/stat: USER_HZ, 100 on every architecture that Node runs on. */
const TICKS_PER_S = 100;

/** The process and all below it. */
function family(pid: number): number[] {
  const below: number[] = [];
  for (const thread of existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : []) {
    const path = `/proc/${pid}/task/${thread}/children`;
    const words = existsSync(path) ? readFileSync(path, 'utf8').split(' ') : [];
    below.push(...words.filter((word) => word.trim() !== '').flatMap((word) => family(Number(word))));
  }
  return [pid, ...below];
}

/** User and system time in ms of the process, all its threads, its children, and the children that have ended. */
export function cpuMs(pid: number): number {
  let ticks = 0;
  for (const one of family(pid)) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    // The name, field 2, may hold spaces: count from its closing bracket. Fields 14 to 17 of proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  }
  return (ticks * 1000) / TICKS_PER_S;
}

function statusKiB(pid: number, key: 'VmHWM' | 'VmRSS'): number {
  return family(pid).reduce((sum, one) => {
    const line = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${one}/status`, 'utf8'));
    return sum + Number(line?.[1] ?? 0);
  }, 0);
}

/** The most that was ever resident at once. */
export function peakMiB(pid: number): number {
  return statusKiB(pid, 'VmHWM') / 1024;
}

export function residentMiB(pid: number): number {
  return statusKiB(pid, 'VmRSS') / 1024;
}

/** Datagrams that the kernel dropped at the sockets of this port, since they were opened: /proc/net/udp. */
export function kernelDrops(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  let drops = 0;
  for (const table of ['/proc/net/udp', '/proc/net/udp6']) {
    const rows = existsSync(table) ? readFileSync(table, 'utf8').trim().split('\n').slice(1) : [];
    for (const row of rows.map((text) => text.trim().split(/\s+/))) {
      if (row[1]?.endsWith(`:${hex}`)) drops += Number(row.at(-1));
    }
  }
  return drops;
}

/** The receive buffer that the kernel really gave to a UDP port (twice what was asked), where `ss` is there to say. */
export function receiveBuffer(port: number): number | undefined {
  const done = spawnSync('ss', ['-uanmH', `sport = :${port}`], { encoding: 'utf8' });
  const found = /\brb(\d+)/.exec(done.stdout ?? '');
  return found?.[1] === undefined ? undefined : Number(found[1]);
}
