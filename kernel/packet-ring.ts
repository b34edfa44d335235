// A ring of packets that the kernel fills and we read in place (TPACKET_V3, packet_mmap.rst): one system call for
// thousands of packets, none for each. Packets are cooked: they begin with the network header on devices of any kind,
// and the kernel tells interface, direction, ethertype and the VLAN tag that it took out.
//
//   ring   | block | block | …      a block is ours while its status says so, and is given back whole
//   block  | version 4 | private 4 | status 4 | packets 4 | first at 4 | … 48 | packet | packet | …
//   packet | next 4 | sec 4 | nsec 4 | kept 4 | length 4 | status 4 | mac 2 | net 2 | … | tag 4 | … 48 | sockaddr_ll 20 | … | bytes
//
// Refuses: to copy, and to wait. Its descriptor stands in the caller's readiness queue.

import {
  PACKET,
  SOCKADDR_LL,
  TPACKET3_HDR,
  TPACKET_BLOCK_DESC,
  TPACKET_HDR_V1,
  TPACKET_HDR_VARIANT1,
  TPACKET_REQ3,
  TPACKET_STATS_V3,
} from './abi/packet.ts';
import { SOCKET } from './abi/socket.ts';
import { closeFd, getsockopt, lastError, mapMemory, setsockopt, type SharedMemory } from './libc.ts';
import { attachFilter, bindPackets, makePacketSocket } from './packet-socket.ts';

/** A block must hold the largest packet that is kept; larger blocks are given back less often. */
const BLOCK_BYTES = 256 * 1024;
const SMALL_BLOCK_BYTES = 64 * 1024;
const BLOCKS_MIN = 2;
/** Of no meaning in version 3 but a check of the kernel's: a part of a block, and a whole number of 16. */
const FRAME_BYTES = 2048;
/** A block that is not full is ours after this time, so that an event is told within 100 ms. */
const RETIRE_MS = 40;

const BLOCK_STATUS = (TPACKET_BLOCK_DESC.hdr + TPACKET_HDR_V1.block_status) >> 2;
const BLOCK_PACKETS = (TPACKET_BLOCK_DESC.hdr + TPACKET_HDR_V1.num_pkts) >> 2;
const BLOCK_FIRST = (TPACKET_BLOCK_DESC.hdr + TPACKET_HDR_V1.offset_to_first_pkt) >> 2;
/** TPACKET_ALIGN of a size that is a multiple of 16 already. */
const SENDER = TPACKET3_HDR.size;
const TAG = TPACKET3_HDR.hv1 + TPACKET_HDR_VARIANT1.tp_vlan_tci;
const VLAN_ID = 0xfff;

export interface RingAim {
  /** A program of classic BPF; its answer is how many bytes are kept. */
  readonly filter: Uint8Array;
  /** 0: all of them. */
  readonly interfaceIndex: number;
  /** What this host sends is not even offered to the filter: for loopback, where it comes again as received. */
  readonly ignoresOutgoing: boolean;
}

export interface RingWish extends RingAim {
  readonly ringBytes: number;
}

export type OpenedRing =
  | { readonly ok: true; readonly ring: PacketRing }
  | { readonly ok: false; readonly error: string };

export function openPacketRing(wish: RingWish): OpenedRing {
  const made = makePacketSocket(true);
  if (!made.ok) return made;
  const blockBytes = wish.ringBytes >= BLOCK_BYTES * 4 ? BLOCK_BYTES : SMALL_BLOCK_BYTES;
  const blocks = Math.max(BLOCKS_MIN, Math.floor(wish.ringBytes / blockBytes));
  const isReady = askForRing(made.fd, blockBytes, blocks);
  const memory = isReady ? mapMemory(made.fd, blockBytes * blocks) : undefined;
  if (!memory || !aimAt(made.fd, wish)) {
    const error = lastError();
    memory?.unmap();
    closeFd(made.fd);
    return { ok: false, error };
  }
  return { ok: true, ring: new PacketRing(made.fd, memory, blockBytes) };
}

function aimAt(fd: number, { filter, interfaceIndex, ignoresOutgoing }: RingAim): boolean {
  const flag = new Uint8Array([ignoresOutgoing ? 1 : 0, 0, 0, 0]);
  // Since Linux 4.20; the filter refuses them as well, at some cost to the sender.
  setsockopt(fd, PACKET.SOL_PACKET, PACKET.PACKET_IGNORE_OUTGOING, flag, 4);
  return attachFilter(fd, filter) && bindPackets(fd, interfaceIndex);
}

function askForRing(fd: number, blockBytes: number, blocks: number): boolean {
  const version = new Uint8Array(4);
  new DataView(version.buffer).setInt32(0, PACKET.TPACKET_V3, true);
  if (setsockopt(fd, PACKET.SOL_PACKET, PACKET.PACKET_VERSION, version, 4) !== 0) return false;
  const wish = new Uint8Array(TPACKET_REQ3.size);
  const view = new DataView(wish.buffer);
  view.setUint32(TPACKET_REQ3.tp_block_size, blockBytes, true);
  view.setUint32(TPACKET_REQ3.tp_block_nr, blocks, true);
  view.setUint32(TPACKET_REQ3.tp_frame_size, FRAME_BYTES, true);
  view.setUint32(TPACKET_REQ3.tp_frame_nr, (blockBytes / FRAME_BYTES) * blocks, true);
  view.setUint32(TPACKET_REQ3.tp_retire_blk_tov, RETIRE_MS, true);
  return setsockopt(fd, PACKET.SOL_PACKET, PACKET.PACKET_RX_RING, wish, wish.length) === 0;
}

export class PacketRing {
  readonly fd: number;
  /** The whole ring; `start` and `end` are places in it. */
  readonly bytes: Uint8Array;
  /** Of the packet that `next` stopped at: its bytes as far as they were kept, and how long it was. */
  start = 0;
  end = 0;
  length = 0;
  timeUs = 0;
  etherType = 0;
  interfaceIndex = 0;
  /** This host sends it, or passes it on. */
  isOutgoing = false;
  /** The VLAN that the kernel took out of the frame, or -1. */
  vlan = -1;
  /** Since the ring was opened: packets that were wanted, and those of them for which there was no room. */
  wanted = 0;
  dropped = 0;

  readonly #memory: SharedMemory;
  readonly #words: Uint32Array;
  readonly #blockBytes: number;
  readonly #blocks: number;
  readonly #stats = new Uint8Array(TPACKET_STATS_V3.size);
  readonly #statsView = new DataView(this.#stats.buffer);
  readonly #statsSize = new Uint8Array(4);
  #block = 0;
  #at = 0;
  #isOpen = true;

  constructor(fd: number, memory: SharedMemory, blockBytes: number) {
    this.fd = fd;
    this.#memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#blockBytes = blockBytes;
    this.#blocks = memory.buffer.byteLength / blockBytes;
  }

  /** How many packets the next block holds; 0: none is ready. `next` is called as often, then `giveBlock`. */
  takeBlock(): number {
    const words = this.#words;
    const block = (this.#block * this.#blockBytes) >> 2;
    if ((Atomics.load(words, block + BLOCK_STATUS) & PACKET.TP_STATUS_USER) === 0) return 0;
    this.#at = (block << 2) + (words[block + BLOCK_FIRST] as number);
    return words[block + BLOCK_PACKETS] as number;
  }

  /** Looks at the next packet of the block. */
  next(): void {
    const words = this.#words;
    const bytes = this.bytes;
    const at = this.#at;
    const word = at >> 2;
    const status = words[word + (TPACKET3_HDR.tp_status >> 2)] as number;
    const net = (words[word + (TPACKET3_HDR.tp_mac >> 2)] as number) >>> 16;
    this.start = at + net;
    this.end = this.start + (words[word + (TPACKET3_HDR.tp_snaplen >> 2)] as number);
    this.length = words[word + (TPACKET3_HDR.tp_len >> 2)] as number;
    const nanos = words[word + (TPACKET3_HDR.tp_nsec >> 2)] as number;
    this.timeUs = (words[word + (TPACKET3_HDR.tp_sec >> 2)] as number) * 1e6 + ((nanos / 1000) | 0);
    const sender = at + SENDER;
    const type = sender + SOCKADDR_LL.sll_protocol;
    this.etherType = ((bytes[type] as number) << 8) | (bytes[type + 1] as number);
    this.interfaceIndex = words[(sender + SOCKADDR_LL.sll_ifindex) >> 2] as number;
    this.isOutgoing = bytes[sender + SOCKADDR_LL.sll_pkttype] === PACKET.PACKET_OUTGOING;
    const isTagged = (status & PACKET.TP_STATUS_VLAN_VALID) !== 0;
    this.vlan = isTagged ? (words[(at + TAG) >> 2] as number) & VLAN_ID : -1;
    this.#at = at + (words[word] as number);
  }

  /** The block is the kernel's again. */
  giveBlock(): void {
    const block = (this.#block * this.#blockBytes) >> 2;
    Atomics.store(this.#words, block + BLOCK_STATUS, PACKET.TP_STATUS_KERNEL);
    this.#block += 1;
    if (this.#block === this.#blocks) this.#block = 0;
  }

  /** Brings `wanted` and `dropped` up to date. The kernel begins anew each time it is asked. */
  count(): void {
    this.#statsSize[0] = this.#stats.length;
    const { SOL_PACKET, PACKET_STATISTICS } = PACKET;
    if (getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, this.#stats, this.#statsSize) !== 0) return;
    this.wanted += this.#statsView.getUint32(TPACKET_STATS_V3.tp_packets, true);
    this.dropped += this.#statsView.getUint32(TPACKET_STATS_V3.tp_drops, true);
  }

  /** From now on other packets are wanted. The error, if that is not possible: "ENODEV", the interface has gone. */
  aim(aim: RingAim): string | undefined {
    return aimAt(this.fd, aim) ? undefined : lastError();
  }

  /** An interface that goes down leaves an error, which keeps the descriptor ready until it has been taken. */
  takeError(): void {
    this.#statsSize[0] = 4;
    getsockopt(this.fd, SOCKET.SOL_SOCKET, SOCKET.SO_ERROR, this.#stats, this.#statsSize);
  }

  /** May be called twice. Nothing of the ring may be read afterwards. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeFd(this.fd);
    this.#memory.unmap();
  }
}
