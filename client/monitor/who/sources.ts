// All that the thread hears from the kernel, opened as far as the rights allow: sockets by their ends, SYNs, first packets
// of UDP, ends of sockets, new processes. What is missing is said in a sentence and ends nothing; but without the first
// there is nobody to ask, and the rest is not opened.

import { InetDiag, openSocketEnds } from '../../../kernel/inet-diag.ts';
import type { NetlinkSocket, Opened } from '../../../kernel/netlink.ts';
import { HEAD_BYTES, stampPackets } from '../../../kernel/packet-heads.ts';
import { openPacketSocket } from '../../../kernel/packet-socket.ts';
import { openProcessEvents } from '../../../kernel/process-events.ts';
import { closeSocket, growReceiveBuffer } from '../../../kernel/socket.ts';
import { DatagramWatch } from './datagram-watch.ts';
import { compileTriggers } from './triggers.ts';
import { wayState, whyNotAllProcesses } from './ways.ts';
import type { WayState, WhoSettings } from './who.port.ts';

/** SYNs that wait while the thread looks somebody up: at some 1.5 KiB of the kernel's memory each, several hundred. */
const PACKETS_RECEIVE_BYTES = 1024 * 1024;
const ENDS_RECEIVE_BYTES = 1024 * 1024;

export interface Sources {
  readonly ways: readonly WayState[];
  readonly diag: InetDiag | undefined;
  /** -1: SYNs are not seen. */
  readonly packets: number;
  readonly datagrams: DatagramWatch | undefined;
  readonly ends: NetlinkSocket | undefined;
  readonly starts: NetlinkSocket | undefined;
  readonly seesAllProcesses: boolean;
}

export function openSources(settings: WhoSettings): Sources {
  const diag = InetDiag.open();
  const ways = [wayState('sockets', diag.ok ? undefined : diag.error)];
  const none = { packets: -1, datagrams: undefined, ends: undefined, starts: undefined };
  if (!diag.ok) return { ways, diag: undefined, ...none, seesAllProcesses: false };
  const packets = openSyns(settings);
  ways.push(wayState('syn', packets.ok ? undefined : packets.error));
  const hidden = whyNotAllProcesses();
  ways.push(wayState('processes', hidden));
  const ends = openSocketEnds(ENDS_RECEIVE_BYTES);
  ways.push(wayState('ends', ends.ok ? undefined : ends.error));
  const starts = openProcessEvents();
  ways.push(wayState('starts', starts.ok ? undefined : starts.error));
  return {
    ways,
    diag: diag.diag,
    packets: packets.ok ? packets.fd : -1,
    datagrams: DatagramWatch.open(settings.filter),
    ends: socketOf(ends),
    starts: socketOf(starts),
    seesAllProcesses: hidden === undefined,
  };
}

function openSyns({ filter }: WhoSettings): ReturnType<typeof openPacketSocket> {
  const program = compileTriggers(filter, HEAD_BYTES);
  const opened = openPacketSocket({ interfaceIndex: 0, cooked: true, filter: program });
  if (!opened.ok) return opened;
  stampPackets(opened.fd);
  growReceiveBuffer(opened.fd, PACKETS_RECEIVE_BYTES);
  return opened;
}

function socketOf(opened: Opened): NetlinkSocket | undefined {
  return opened.ok ? opened.socket : undefined;
}

export function closeSources({ diag, packets, datagrams, ends, starts }: Sources): void {
  datagrams?.close();
  ends?.close();
  starts?.close();
  diag?.close();
  if (packets >= 0) closeSocket(packets);
}
