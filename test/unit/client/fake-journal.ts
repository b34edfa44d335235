// A journal for tests, and a program that reads it as journalctl does (systemd 252): the options that Belfry
// uses, `--follow` that shows the last boot alone, cursors of entries that may be gone, and every way to end.
// The journal is a JSON file that the test writes; each start of the program is noted, with its arguments.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FakeEntry {
  readonly number: number;
  readonly boot?: number;
  /** MESSAGE=, PRIORITY= and so on; __CURSOR and __REALTIME_TIMESTAMP are made from the number, unless given. */
  readonly fields: Readonly<Record<string, string>>;
  readonly realtimeUs?: number;
}

const PROGRAM = `
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
const folder = import.meta.dirname;
const args = process.argv.slice(2);
appendFileSync(folder + '/starts', JSON.stringify(args) + '\\n');
const option = (name) => args.find((arg) => arg.startsWith('--' + name + '='))?.slice(name.length + 3);
const has = (name) => args.includes('--' + name);
const behaviour = () => JSON.parse(readFileSync(folder + '/behaviour.json', 'utf8'));
const journal = () => JSON.parse(readFileSync(folder + '/journal.json', 'utf8'));
const realtime = (entry) => entry.realtimeUs ?? 1700000000000000 + entry.number * 1000;
const isProbe = args.includes('-n');
const be = behaviour();
if (be.say && (isProbe === Boolean(be.probe))) { process.stderr.write(be.say + '\\n'); process.exit(be.code ?? 1); }
function print(entry) {
  const parts = [];
  const fields = { __CURSOR: 'c=' + entry.number, __REALTIME_TIMESTAMP: String(realtime(entry)), ...entry.fields };
  for (const [name, value] of Object.entries(fields)) {
    const bytes = Buffer.from(value, 'latin1');
    const isBinary = bytes.some((byte) => byte < 32);
    if (!isBinary) { parts.push(Buffer.from(name + '='), bytes, Buffer.from('\\n')); continue; }
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    parts.push(Buffer.from(name + '\\n'), length, bytes, Buffer.from('\\n'));
  }
  parts.push(Buffer.from('\\n'));
  let rest = Buffer.concat(parts);
  while (rest.length > 0) {
    try { rest = rest.subarray(writeSync(1, rest)); } catch (error) { if (error.code !== 'EAGAIN') process.exit(141); }
  }
}
if (isProbe) {
  const last = journal().at(-1);
  if (last) print(last);
  process.exit(0);
}
const cursor = option('cursor');
const number = cursor === undefined ? undefined : Number(/^c=(\\d+)$/.exec(cursor)?.[1]);
if (Number.isNaN(number)) { process.stderr.write('Failed to seek to cursor: Invalid argument\\n'); process.exit(1); }
const sinceUs = option('since') === undefined ? undefined : Number(option('since').slice(1)) * 1e6;
let isBegun = number === undefined && sinceUs === undefined;
let from = -1;
function take() {
  const all = journal();
  const lastBoot = all.at(-1)?.boot ?? 0;
  for (const entry of all) {
    if (entry.number <= from) continue;
    if (!isBegun && number !== undefined && entry.number < number) continue;
    if (!isBegun && sinceUs !== undefined && realtime(entry) < sinceUs) continue;
    isBegun = true;
    from = entry.number;
    if (has('follow') && !has('merge') && (entry.boot ?? 0) !== lastBoot) continue;
    print(entry);
    if (behaviour().dieAfter === entry.number) process.exit(behaviour().code ?? 3);
  }
}
take();
if (!has('follow')) process.exit(0);
setInterval(() => { if (behaviour().dieNow) process.exit(3); take(); }, 10);
`;

export class FakeJournal {
  readonly command: string;
  readonly #folder: string;
  #entries: FakeEntry[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.command = join(folder, 'journalctl.mjs');
    writeFileSync(this.command, `#!${process.execPath}\n${PROGRAM}`, { mode: 0o755 });
    this.behave({});
    this.#write();
  }

  #write(): void {
    const path = join(this.#folder, 'journal.json');
    writeFileSync(`${path}.new`, JSON.stringify(this.#entries));
    renameSync(`${path}.new`, path);
  }

  /** `say`: words of standard error, with which it ends at once. */
  behave(how: { say?: string; probe?: boolean; code?: number; dieAfter?: number; dieNow?: boolean }): void {
    const path = join(this.#folder, 'behaviour.json');
    writeFileSync(`${path}.new`, JSON.stringify(how));
    renameSync(`${path}.new`, path);
  }

  add(...entries: readonly FakeEntry[]): void {
    this.#entries.push(...entries);
    this.#write();
  }

  /** `MESSAGE=number N` for a run of numbers. */
  addNumbers(from: number, to: number, more: Partial<FakeEntry> = {}): void {
    for (let number = from; number <= to; number += 1) {
      this.#entries.push({ fields: { MESSAGE: `number ${number}` }, ...more, number });
    }
    this.#write();
  }

  /** As journald's limits of disk space do it. */
  removeUpTo(number: number): void {
    this.#entries = this.#entries.filter((entry) => entry.number > number);
    this.#write();
  }

  /** The arguments of each start but the probes. */
  starts(): string[][] {
    const path = join(this.#folder, 'starts');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as string[]).filter((args) => !args.includes('-n'));
  }
}
