// Who owns one end of a connection, in as few letters as a column has, and in whole words for the detail.
// Refuses: to look like a process where none is known: the reason stands in parentheses.

import type { Owner, ProcHow } from '../../traffic/events/owner.ts';

/** What each way of finding means to a person, and what it means that nobody was found. */
export const HOW_WORDS: Readonly<Record<ProcHow, string>> = {
  exact: "by its socket's inode",
  cache: "by its socket's inode, at a process known before",
  listener: 'the process that listens; who accepted the connection was not seen',
  cgroup: 'the process has gone or may not be seen; the control group of its socket names the unit',
  'unknown:shared': 'not known: several programs hold the socket, or its port',
  'unknown:closed': 'not known: the socket was closed before anybody could look',
  'unknown:no-socket':
    'not known: no socket of this host has these ends; it may belong to another network namespace, such as a container',
  'unknown:forwarded': 'not known: the connection only passes through this host',
  'unknown:kernel': 'not known: the kernel itself, or a raw socket',
  'unknown:no-permission': "not known: the right to look into other users' processes is missing",
  'unknown:busy': 'not known: more connections began than could be looked up',
};

/** "nc[812]", "nginx.service", "(closed)". */
export function ownerName(owner: Owner): string {
  if (owner.process !== undefined) {
    return owner.pid === undefined ? owner.process : `${owner.process}[${owner.pid}]`;
  }
  if (owner.unit !== undefined) return owner.unit;
  if (owner.container !== undefined) return `container ${owner.container}`;
  return `(${owner.how.replace('unknown:', '')})`;
}

/** For the narrow column of a row: nothing where the end is not this host's. */
export function ownerCell(owner: Owner | undefined): string {
  return owner === undefined ? '' : ownerName(owner);
}

/** "nc[812], user alice, unit session-3.scope (found by …)". */
export function ownerSentence(owner: Owner): string {
  const user = owner.user ?? (owner.uid === undefined ? undefined : String(owner.uid));
  const parts = [
    owner.process === undefined ? undefined : ownerName(owner),
    user === undefined ? undefined : `user ${user}`,
    owner.unit === undefined ? undefined : `unit ${owner.unit}`,
    owner.container === undefined ? undefined : `container ${owner.container}`,
  ].filter((part) => part !== undefined);
  const how = HOW_WORDS[owner.how];
  return parts.length === 0 ? how : `${parts.join(', ')} (${how})`;
}
