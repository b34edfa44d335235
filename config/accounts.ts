// The users and groups of this host, read from /etc/passwd and /etc/group, and what this process may do
// with them. Names that come from elsewhere (LDAP, SSSD) are not seen here: an operator gives their number.

import { readFileSync } from 'node:fs';

export interface Accounts {
  readonly users: ReadonlyMap<string, number>;
  readonly groups: ReadonlyMap<string, number>;
  /** `"syslog" (uid 104)`, or `uid 104` when it has no name. */
  printUser(uid: number): string;
  /** `root:adm`, with numbers where there are no names. */
  printOwner(uid: number, gid: number): string;
}

export function readAccounts(passwdFile = '/etc/passwd', groupFile = '/etc/group'): Accounts {
  const users = readTable(passwdFile);
  const groups = readTable(groupFile);
  const nameOf = (table: ReadonlyMap<string, number>, id: number) =>
    [...table].find(([, own]) => own === id)?.[0];
  return {
    users,
    groups,
    printUser(uid) {
      const name = nameOf(users, uid);
      return name === undefined ? `uid ${uid}` : `"${name}" (uid ${uid})`;
    },
    printOwner: (uid, gid) => `${nameOf(users, uid) ?? uid}:${nameOf(groups, gid) ?? gid}`,
  };
}

/** name:password:id:… of passwd(5) and group(5). */
function readTable(file: string): Map<string, number> {
  const table = new Map<string, number>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return table;
  }
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name && id && /^\d+$/.test(id)) table.set(name, Number(id));
  }
  return table;
}

export interface Identity {
  readonly uid: number;
  readonly groups: readonly number[];
  /** May give files to others: root, or CAP_CHOWN. */
  readonly mayChown: boolean;
}

/** Bit of CAP_CHOWN in the capability sets (linux/capability.h). */
const CAP_CHOWN = 1n << 0n;

export function ownIdentity(statusFile = '/proc/self/status'): Identity {
  const uid = process.geteuid?.() ?? 0;
  const groups = [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])];
  return { uid, groups, mayChown: hasCapChown(statusFile) ?? uid === 0 };
}

function hasCapChown(statusFile: string): boolean | undefined {
  try {
    const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync(statusFile, 'utf8'))?.[1];
    return effective === undefined ? undefined : (BigInt(`0x${effective}`) & CAP_CHOWN) !== 0n;
  } catch {
    return undefined;
  }
}
