// The network interfaces of this host (of the network namespace that the process is in): name, index, kind, state,
// addresses. Asked of the kernel over rtnetlink, since Node names only those that are up and have an address.
// Refuses: to change one.

import { type Address, V4_MAPPED } from '../base/ip.ts';
import { IFF } from './abi/packet.ts';
import { IFADDRMSG, IFINFOMSG, RTM } from './abi/rtnetlink.ts';
import { SOCKET } from './abi/socket.ts';
import { attribute, dumpRoute, type RouteMessage } from './rtnetlink.ts';

export interface NetworkInterface {
  readonly name: string;
  readonly index: number;
  /** ARPHRD_… of <linux/if_arp.h>. */
  readonly type: number;
  readonly flags: number;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  readonly addresses: readonly Address[];
}

export type Interfaces =
  | { readonly ok: true; readonly interfaces: readonly NetworkInterface[] }
  | { readonly ok: false; readonly error: string };

/** In the order of their indices. */
export function listInterfaces(): Interfaces {
  const links = dumpRoute(RTM.RTM_GETLINK, IFINFOMSG.size);
  if (typeof links === 'string') return { ok: false, error: links };
  const addresses = dumpRoute(RTM.RTM_GETADDR, IFADDRMSG.size);
  if (typeof addresses === 'string') return { ok: false, error: addresses };
  const owned = new Map<number, Address[]>();
  for (const message of addresses) addAddress(message, owned);
  return { ok: true, interfaces: links.flatMap((message) => readLink(message, owned)) };
}

function addAddress({ type, body }: RouteMessage, owned: Map<number, Address[]>): void {
  if (type !== RTM.RTM_NEWADDR || body.length < IFADDRMSG.size) return;
  const index = body.readUInt32LE(IFADDRMSG.ifa_index);
  // On a point-to-point device IFA_ADDRESS is the peer's, and IFA_LOCAL ours; IPv6 has no IFA_LOCAL otherwise.
  const bytes =
    attribute(body, IFADDRMSG.size, RTM.IFA_LOCAL) ?? attribute(body, IFADDRMSG.size, RTM.IFA_ADDRESS);
  const address = bytes && readAddress(body.readUInt8(IFADDRMSG.ifa_family), bytes);
  if (address) owned.set(index, [...(owned.get(index) ?? []), address]);
}

function readAddress(family: number, bytes: Buffer): Address | undefined {
  if (family === SOCKET.AF_INET && bytes.length >= 4) {
    return { w0: 0, w1: 0, w2: V4_MAPPED, w3: bytes.readUInt32BE(0) };
  }
  if (family !== SOCKET.AF_INET6 || bytes.length < 16) return undefined;
  return {
    w0: bytes.readUInt32BE(0),
    w1: bytes.readUInt32BE(4),
    w2: bytes.readUInt32BE(8),
    w3: bytes.readUInt32BE(12),
  };
}

function readLink(
  { type, body }: RouteMessage,
  owned: ReadonlyMap<number, readonly Address[]>,
): NetworkInterface[] {
  if (type !== RTM.RTM_NEWLINK || body.length < IFINFOMSG.size) return [];
  const name = attribute(body, IFINFOMSG.size, RTM.IFLA_IFNAME);
  if (!name) return [];
  const index = body.readInt32LE(IFINFOMSG.ifi_index);
  const flags = body.readUInt32LE(IFINFOMSG.ifi_flags);
  return [
    {
      name: name.toString('utf8').replace(/\0.*$/s, ''),
      index,
      type: body.readUInt16LE(IFINFOMSG.ifi_type),
      flags,
      isUp: (flags & IFF.IFF_UP) !== 0,
      isLoopback: (flags & IFF.IFF_LOOPBACK) !== 0,
      addresses: owned.get(index) ?? [],
    },
  ];
}
