// The real programs that the system tests and the benches talk to. Where they stand, or why they are
// missing, was written to dist/peers.json by tools/prepare.mjs --peers; this file only reads it.
// Refuses: to look for a program by itself, so that a test run and its setup never disagree.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type PeerName =
  | 'rsyslogd'
  | 'rsyslogd-relp'
  | 'rsyslogd-tls'
  | 'syslog-ng'
  | 'loggen'
  | 'nc'
  | 'tcpdump'
  | 'nft'
  | 'softflowd'
  | 'softflowctl'
  | 'iptraf-ng'
  | 'tmux'
  | 'logger'
  | 'tail'
  | 'chronyd'
  | 'chronyc'
  | 'ntpdig'
  | 'timesyncd'
  | 'journalctl'
  | 'systemd-analyze'
  | 'systemd-journal-remote'
  | 'systemd-nspawn'
  | 'promtool'
  /** The root folder of a Debian that can be booted. */
  | 'debian-root';

export interface Peer {
  readonly path: string;
  /** Arguments that come first: rsyslogd's module folder, where it is not installed as a package. */
  readonly args: readonly string[];
  /** To be added to the environment: library folders and prefixes of unpacked packages. */
  readonly env: Readonly<Record<string, string>>;
}

export interface MissingPeer {
  readonly missing: string;
}

/** dist/test/system → dist/peers.json. */
const LIST = join(import.meta.dirname, '../../peers.json');

function readList(): Partial<Record<PeerName, Peer | MissingPeer>> {
  return existsSync(LIST)
    ? (JSON.parse(readFileSync(LIST, 'utf8')) as Record<PeerName, Peer | MissingPeer>)
    : {};
}

export function findPeer(name: PeerName): Peer | MissingPeer {
  return readList()[name] ?? { missing: 'nobody has looked for it: run npm test' };
}

/** For the `skip` of a test: false, or why the test cannot run. */
export function skipWithout(...names: readonly PeerName[]): string | false {
  const reasons = names.flatMap((name) => {
    const peer = findPeer(name);
    return 'missing' in peer ? [`${name}: ${peer.missing}`] : [];
  });
  return reasons.length === 0 ? false : reasons.join('; ');
}

/** For code that runs after skipWithout() let it. */
export function demandPeer(name: PeerName): Peer {
  const peer = findPeer(name);
  if ('missing' in peer) throw new Error(`${name}: ${peer.missing}`);
  return peer;
}
