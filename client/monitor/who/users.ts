// Names of users, from /etc/passwd alone: nothing that could wait for a directory server. Read again when the file has
// changed, looked at no more often than every ten seconds.

import { readFileSync, statSync } from 'node:fs';

const LOOK_MS = 10_000;
/** A file larger than this is no list of users that anybody keeps by hand; its names are left out. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** The first name that a uid has in the text of a passwd(5) file. */
export function readUsers(text: string): ReadonlyMap<number, string> {
  const users = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    if (name === '' || !/^\d{1,10}$/.test(uid) || users.has(Number(uid))) continue;
    users.set(Number(uid), name);
  }
  return users;
}

export class Users {
  readonly #path: string;
  #names: ReadonlyMap<number, string> = new Map();
  #version = '';
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path = '/etc/passwd') {
    this.#path = path;
  }

  name(uid: number, nowMs: number): string | undefined {
    if (nowMs - this.#lookedAtMs >= LOOK_MS) this.#look(nowMs);
    return this.#names.get(uid);
  }

  #look(nowMs: number): void {
    this.#lookedAtMs = nowMs;
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.#version) return;
      this.#version = version;
      this.#names = size > FILE_BYTES_MAX ? new Map() : readUsers(readFileSync(this.#path, 'utf8'));
    } catch {
      // What was known stays: a file that is being replaced is there again at the next look.
      this.#version = '';
    }
  }
}
