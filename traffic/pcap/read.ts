// Capture files, as tcpdump, Wireshark and dumpcap write them: pcap in both byte orders with micro- and nanoseconds,
// pcapng with several sections and interfaces and their own clocks. Packet after packet into one reused record.
// Promises: bounded memory; of a file that was cut every whole packet; any bytes give an ending, never a throw.
//
//   pcap    | magic 4 | version 4 | zone 4 | sigfigs 4 | snap length 4 | link 4 |, then | sec 4 | fraction 4 | captured 4 | wire 4 | bytes |
//   pcapng  | type 4 | length 4 | body, padded to 4 | length 4 |, again and again
//
// Refuses: compressed files (whoever opens them unpacks them), and packets above BLOCK_BYTES_MAX.

import { ByteWindow, type Pull } from './window.ts';

const PCAP_MICROS = 0xa1b2c3d4;
const PCAP_NANOS = 0xa1b23c4d;
const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_BYTES = 16;
/** pcapng: draft-ietf-opsawg-pcapng, section 4. */
const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 2, simple: 3, enhanced: 6 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_END = 0;
const OPTION_RESOLUTION = 9;
const OPTION_OFFSET = 14;
/** Interfaces of one section; more is no capture of this world. */
const INTERFACES_MAX = 4096;

export type Ending =
  /** There may be more packets. */
  | 'open'
  /** The file ended where it should. */
  | 'whole'
  /** The file ends within a packet: it was cut, or is still being written. */
  | 'cut'
  /** This is no capture file, or it is one no longer. */
  | 'bad';

interface Interface {
  readonly link: number;
  readonly snapBytes: number;
  readonly unitsPerSecond: number;
  readonly offsetSec: number;
}

export class CaptureReader {
  ending: Ending = 'open';
  format: 'pcap' | 'pcapng' = 'pcap';
  /** The packet: its bytes until the next call, and what the file says of it. */
  readonly bytes: Uint8Array;
  start = 0;
  end = 0;
  frameBytes = 0;
  /** Since 1970; a double holds the microsecond exactly and the nanosecond roughly. */
  timeUs = 0;
  link = 0;
  interfaceIndex = 0;

  private readonly window: ByteWindow;
  private littleEndian = true;
  private unitsPerSecond = 1e6;
  private readonly interfaces: Interface[] = [];
  private hasHeader = false;

  constructor(pull: Pull) {
    this.window = new ByteWindow(pull);
    this.bytes = this.window.bytes;
  }

  /** Takes the next packet; false when there is none, and `ending` says why. */
  next(): boolean {
    if (!this.hasHeader && this.ending === 'open') this.readHeader();
    if (this.ending !== 'open') return false;
    return this.format === 'pcap' ? this.nextRecord() : this.nextBlock();
  }

  private finish(ending: Ending): false {
    this.ending = ending;
    return false;
  }

  private u32(at: number): number {
    return this.window.view.getUint32(at, this.littleEndian);
  }

  private readHeader(): void {
    this.hasHeader = true;
    const { window } = this;
    if (!window.holds(4)) {
      this.finish(window.left === 0 ? 'bad' : 'cut');
      return;
    }
    const magic = window.view.getUint32(window.at, true);
    if (magic === BLOCK.section) {
      this.format = 'pcapng';
      return;
    }
    this.littleEndian = magic === PCAP_MICROS || magic === PCAP_NANOS;
    const own = this.u32(window.at);
    if (own !== PCAP_MICROS && own !== PCAP_NANOS) this.finish('bad');
    else if (!window.holds(PCAP_HEADER_BYTES)) this.finish('cut');
    else {
      this.unitsPerSecond = own === PCAP_NANOS ? 1e9 : 1e6;
      // The upper bits say how long a frame check sequence is.
      this.link = this.u32(window.at + 20) & 0xffff;
      window.at += PCAP_HEADER_BYTES;
    }
  }

  private nextRecord(): boolean {
    const { window } = this;
    if (!window.holds(PCAP_RECORD_BYTES)) return this.finish(window.left === 0 ? 'whole' : 'cut');
    const captured = this.u32(window.at + 8);
    if (captured > window.bytes.length / 2 - PCAP_RECORD_BYTES) return this.finish('bad');
    if (!window.holds(PCAP_RECORD_BYTES + captured)) return this.finish('cut');
    const { at } = window;
    this.timeUs = this.u32(at) * 1e6 + (this.u32(at + 4) * 1e6) / this.unitsPerSecond;
    this.take(at + PCAP_RECORD_BYTES, captured, this.u32(at + 12));
    window.at = this.end;
    return true;
  }

  private take(start: number, captured: number, frameBytes: number): void {
    this.start = start;
    this.end = start + captured;
    this.frameBytes = Math.max(captured, frameBytes);
  }

  private nextBlock(): boolean {
    const { window } = this;
    for (;;) {
      if (!window.holds(12)) return this.finish(window.left === 0 ? 'whole' : 'cut');
      const isSection = window.view.getUint32(window.at, true) === BLOCK.section;
      if (isSection && !this.startSection()) return this.finish('bad');
      const length = this.u32(window.at + 4);
      if (length < 12 || length % 4 !== 0 || length > window.bytes.length / 2) return this.finish('bad');
      if (!window.holds(length)) return this.finish('cut');
      const { at } = window;
      if (this.u32(at + length - 4) !== length) return this.finish('bad');
      window.at += length;
      const took = this.readBlock(this.u32(at), at + 8, at + length - 4);
      if (took === undefined) return this.finish('bad');
      if (took) return true;
    }
  }

  /** A section says its byte order before its length can be read, and begins its list of interfaces anew. */
  private startSection(): boolean {
    const { window } = this;
    const magicAt = window.at + 8;
    if (window.view.getUint32(magicAt, true) === BYTE_ORDER_MAGIC) this.littleEndian = true;
    else if (window.view.getUint32(magicAt, false) === BYTE_ORDER_MAGIC) this.littleEndian = false;
    else return false;
    this.interfaces.length = 0;
    return true;
  }

  /** True: a packet was taken. False: a block of another kind. Undefined: the file contradicts itself. */
  private readBlock(type: number, start: number, end: number): boolean | undefined {
    switch (type) {
      case BLOCK.interface:
        return this.addInterface(start, end) ? false : undefined;
      case BLOCK.enhanced:
        return this.takeEnhanced(this.interfaces[this.u32(start)], this.u32(start), start, end);
      case BLOCK.packet: {
        const index = this.window.view.getUint16(start, this.littleEndian);
        return this.takeEnhanced(this.interfaces[index], index, start, end);
      }
      case BLOCK.simple:
        return this.takeSimple(start, end);
      default:
        return false;
    }
  }

  private takeEnhanced(
    from: Interface | undefined,
    index: number,
    start: number,
    end: number,
  ): boolean | undefined {
    if (from === undefined || start + 20 > end) return undefined;
    const captured = this.u32(start + 12);
    if (captured > end - start - 20) return undefined;
    const units = this.u32(start + 4) * 2 ** 32 + this.u32(start + 8);
    const seconds = Math.floor(units / from.unitsPerSecond);
    const rest = units - seconds * from.unitsPerSecond;
    this.timeUs = (seconds + from.offsetSec) * 1e6 + (rest * 1e6) / from.unitsPerSecond;
    this.link = from.link;
    this.interfaceIndex = index;
    this.take(start + 20, captured, this.u32(start + 16));
    return true;
  }

  /** It has no time and belongs to the first interface; the snap length says how much of it there is. */
  private takeSimple(start: number, end: number): boolean | undefined {
    const [first] = this.interfaces;
    if (first === undefined || start + 4 > end) return undefined;
    const wire = this.u32(start);
    const snap = first.snapBytes === 0 ? wire : first.snapBytes;
    this.timeUs = 0;
    this.link = first.link;
    this.interfaceIndex = 0;
    this.take(start + 4, Math.min(wire, snap, end - start - 4), wire);
    return true;
  }

  private addInterface(start: number, end: number): boolean {
    if (start + 8 > end || this.interfaces.length >= INTERFACES_MAX) return false;
    const { view } = this.window;
    let unitsPerSecond = 1e6;
    let offsetSec = 0;
    for (let at = start + 8; at + 4 <= end; ) {
      const code = view.getUint16(at, this.littleEndian);
      const length = view.getUint16(at + 2, this.littleEndian);
      if (code === OPTION_END || at + 4 + length > end) break;
      if (code === OPTION_RESOLUTION && length === 1) unitsPerSecond = unitsOf(view.getUint8(at + 4));
      if (code === OPTION_OFFSET && length === 8) {
        offsetSec = Number(view.getBigInt64(at + 4, this.littleEndian));
      }
      at += 4 + Math.ceil(length / 4) * 4;
    }
    const link = view.getUint16(start, this.littleEndian);
    this.interfaces.push({ link, snapBytes: this.u32(start + 4), unitsPerSecond, offsetSec });
    return true;
  }
}

/** The upper bit chooses between powers of 2 and of 10 (section 4.2, if_tsresol). */
function unitsOf(resolution: number): number {
  return (resolution & 0x80) === 0 ? 10 ** resolution : 2 ** (resolution & 0x7f);
}
