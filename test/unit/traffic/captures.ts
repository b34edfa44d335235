// The captures with known answers in `../shared/captures`, where that folder stands beside the repository: the
// list, and every packet of one. Tests skip without it; nothing of it is copied.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaptureReader } from '../../../traffic/pcap/read.ts';

/** One connection as tshark or Zeek saw it; null or absent is what that program did not say. */
export interface KnownConnection {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly proto: string;
  readonly state?: string | null;
  readonly orig_pkts: number;
  readonly orig_ip_bytes: number;
  readonly resp_pkts: number;
  readonly resp_ip_bytes: number;
  readonly orig_bytes: number | null;
  readonly resp_bytes: number | null;
  readonly flipped?: boolean;
}

export interface KnownCapture {
  readonly file: string;
  readonly packets: number;
  readonly oracle: string;
  readonly conns: readonly KnownConnection[];
  /** By tshark: outermost IP header, one row for each 5-tuple. */
  readonly outer: readonly KnownConnection[];
  readonly nonIp: number | undefined;
}

interface IndexLine {
  readonly file: string;
  readonly packets: number;
  readonly expect: {
    readonly oracle: string;
    readonly conns: readonly KnownConnection[];
    readonly alt?: {
      readonly tshark?: { readonly conns: readonly KnownConnection[]; readonly non_ip_packets: number };
    };
  };
}

function findFolder(): string | undefined {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) {
    const folder = join(at, '../shared/captures');
    if (existsSync(join(folder, 'index.jsonl'))) return folder;
  }
  return undefined;
}

const folder = findFolder();

export const skipWithoutCaptures: string | false =
  folder === undefined ? 'there is no ../shared/captures beside the repository' : false;

export function knownCaptures(): KnownCapture[] {
  if (folder === undefined) return [];
  const lines = readFileSync(join(folder, 'index.jsonl'), 'utf8').trim().split('\n');
  return lines
    .map((line) => JSON.parse(line) as IndexLine)
    .filter(({ file }) => existsSync(join(folder, file)))
    .map(({ file, packets, expect }) => {
      const tshark = expect.alt?.tshark;
      const outer = expect.oracle.startsWith('tshark') ? expect.conns : (tshark?.conns ?? []);
      const nonIp = tshark?.non_ip_packets;
      return { file, packets, oracle: expect.oracle, conns: expect.conns, outer, nonIp };
    });
}

export function readerOf(bytes: Uint8Array, pieceBytes = 1 << 16): CaptureReader {
  let at = 0;
  return new CaptureReader((into) => {
    const count = Math.min(into.length, pieceBytes, bytes.length - at);
    into.set(bytes.subarray(at, at + count));
    at += count;
    return count;
  });
}

export function bytesOf(file: string): Buffer {
  return readFileSync(join(folder ?? '', file));
}
