// What the kernel says of this host's connections: those that are open now, and how many began since the host did.
// From the text of /proc/self/net/tcp, tcp6 and snmp (proc(5)), which a service sees where /proc/net is hidden from it
// (ProcSubset=pid); handed in, so that a test brings its own.
// Refuses: UDP conversations, which the kernel does not count; it knows datagrams alone.

import { endianness, uptime } from 'node:os';
import { type Address, V4_MAPPED } from '../../base/ip.ts';

export interface HostConnection {
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
}

export interface HostConnections {
  /** TCP, established; one that has both ends here stands once. */
  readonly open: readonly HostConnection[];
  /** Rows that the kernel has for them: two where both ends are here. */
  readonly rows: number;
  readonly opensPerDay: number;
  readonly datagramsPerDay: number;
}

/** include/net/tcp_states.h */
const ESTABLISHED = '01';
/** On a host that began a moment ago a rate says nothing: then as if it ran for so long. */
const UPTIME_S_MIN = 600;
const DAY_S = 86_400;

/** The kernel prints each word of the address as a number of the machine. */
function word(hex: string): number {
  const value = Number.parseInt(hex, 16) >>> 0;
  if (endianness() === 'BE') return value;
  return Buffer.from(Uint32Array.of(value).buffer).readUInt32BE(0);
}

function addressOf(hex: string): Address {
  if (hex.length === 8) return { w0: 0, w1: 0, w2: V4_MAPPED, w3: word(hex) };
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = [0, 8, 16, 24].map((at) => word(hex.slice(at, at + 8)));
  return { w0, w1, w2, w3 };
}

function connectionsIn(table: string): HostConnection[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((row) => {
      const found = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]{2}) /.exec(row);
      if (found === null || found[5] !== ESTABLISHED) return [];
      const [, local = '', localPort = '', remote = '', remotePort = ''] = found;
      return {
        local: addressOf(local),
        localPort: Number.parseInt(localPort, 16),
        remote: addressOf(remote),
        remotePort: Number.parseInt(remotePort, 16),
      };
    });
}

function endKey({ w0, w1, w2, w3 }: Address, port: number): string {
  return [w0, w1, w2, w3, port].join(' ');
}

/** The other end of a connection within the host is no second connection. */
function withoutOtherEnds(all: readonly HostConnection[]): HostConnection[] {
  const seen = new Set<string>();
  return all.filter(({ local, localPort, remote, remotePort }) => {
    const [near, far] = [endKey(local, localPort), endKey(remote, remotePort)];
    seen.add(`${near} ${far}`);
    return !seen.has(`${far} ${near}`) || near === far;
  });
}

/** A counter of a protocol in snmp: a line of names, and one of values. */
function counter(snmp: string, protocol: string, name: string): number {
  const [names = '', values = ''] = snmp.split('\n').filter((line) => line.startsWith(`${protocol}: `));
  const at = names.split(' ').indexOf(name);
  return at < 0 ? 0 : Number(values.split(' ')[at] ?? 0) || 0;
}

/** `read` gives the text of a file, or nothing where there is none. */
export function hostConnections(read: (path: string) => string, upS = uptime()): HostConnections {
  const all = ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap((path) => connectionsIn(read(path)));
  const snmp = read('/proc/self/net/snmp');
  const uptimeS = Math.max(UPTIME_S_MIN, upS);
  const perDay = (count: number) => (count * DAY_S) / uptimeS;
  return {
    open: withoutOtherEnds(all),
    rows: all.length,
    opensPerDay: perDay(counter(snmp, 'Tcp', 'ActiveOpens') + counter(snmp, 'Tcp', 'PassiveOpens')),
    datagramsPerDay: perDay(counter(snmp, 'Udp', 'OutDatagrams')),
  };
}
