// Interval records in the order of VPC flow logs, version 2: one direction of one flow on one interface within one
// interval, `-` for what does not apply. Taking a record empties the flow's counts, so that each packet is in exactly
// one record. NODATA says that nothing came, SKIPDATA that the kernel or a limit dropped some.
//
//   version account interface srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
//
// Refuses: REJECT for a peer's own RST. That is `refused`, an event; a host's firewall is what rejects.

import { CLIENT, type FlowColumns, SERVER, type Side } from '../flow/columns.ts';
import { PROTOCOL, TCP_FLAG } from '../packet/packet.ts';
import { addressText } from './facts.ts';

/** The fields that can be chosen, those of version 2 first and in their order. */
export const RECORD_FIELDS = [
  ...(['version', 'account-id', 'interface-id', 'srcaddr', 'dstaddr', 'srcport', 'dstport'] as const),
  ...(['protocol', 'packets', 'bytes', 'start', 'end', 'action', 'log-status'] as const),
  ...(['tcp-flags', 'type', 'flow-direction'] as const),
] as const;
export type RecordField = (typeof RECORD_FIELDS)[number];

export const VERSION_2_FIELDS: readonly RecordField[] = RECORD_FIELDS.slice(0, 14);

export interface RecordContext {
  readonly account: string;
  readonly interfaceName: (index: number) => string;
  readonly fields: readonly RecordField[];
  /** Whether the sender is this host; undefined is not known. */
  readonly isOwn?: (address: string) => boolean;
}

type Values = Readonly<Record<RecordField, string>>;

/** What the flow-log format reports of flags: FIN, SYN, RST, and ACK only beside SYN. */
function flagsOf(flags: number): number {
  const kept = flags & (TCP_FLAG.fin | TCP_FLAG.syn | TCP_FLAG.rst);
  return (kept & TCP_FLAG.syn) !== 0 ? kept | (flags & TCP_FLAG.ack) : kept;
}

function printLine(values: Values, fields: readonly RecordField[]): string {
  return fields.map((field) => values[field].replace(/\s/g, '_') || '-').join(' ');
}

/** The lines of both directions that had packets since the last time, and the counts begin anew. */
export function takeRecords(flows: FlowColumns, slot: number, context: RecordContext): string[] {
  const lines: string[] = [];
  for (const side of [CLIENT, SERVER] as const) {
    const at = slot * 2 + side;
    if (flows.packets[at] === flows.recordedPackets[at]) continue;
    lines.push(printLine(valuesOf(flows, slot, side, context), context.fields));
    flows.recordedPackets[at] = flows.packets[at] as number;
    flows.recordedBytes[at] = flows.ipBytes[at] as number;
    flows.recordFlags[at] = 0;
  }
  return lines;
}

function valuesOf(flows: FlowColumns, slot: number, side: Side, context: RecordContext): Values {
  const at = slot * 2 + side;
  const other = slot * 2 + 1 - side;
  const protocol = flows.protocol[slot] as number;
  const isIcmp = protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmp6;
  const src = addressText(flows, slot, side);
  const isOwn = context.isOwn?.(src);
  return {
    version: context.fields.some((field) => !VERSION_2_FIELDS.includes(field)) ? '5' : '2',
    'account-id': context.account,
    'interface-id': context.interfaceName(flows.observer[at] as number),
    srcaddr: src,
    dstaddr: addressText(flows, slot, side === CLIENT ? SERVER : CLIENT),
    srcport: String(isIcmp ? 0 : flows.ports[at]),
    dstport: String(isIcmp ? 0 : flows.ports[other]),
    protocol: String(protocol),
    packets: String((flows.packets[at] as number) - (flows.recordedPackets[at] as number)),
    bytes: String((flows.ipBytes[at] as number) - (flows.recordedBytes[at] as number)),
    start: String(Math.floor((flows.recordStartUs[at] as number) / 1e6)),
    end: String(Math.floor((flows.sideLastUs[at] as number) / 1e6)),
    action: 'ACCEPT',
    'log-status': 'OK',
    'tcp-flags': String(flagsOf(flows.recordFlags[at] as number)),
    type: src.includes(':') ? 'IPv6' : 'IPv4',
    'flow-direction': isOwn === undefined ? '-' : isOwn ? 'egress' : 'ingress',
  };
}

/** The line of an interval in which nothing was seen, or some of which was lost. */
export function printGap(
  status: 'NODATA' | 'SKIPDATA',
  interfaceName: string,
  startUs: number,
  endUs: number,
  context: RecordContext,
): string {
  const dashes = Object.fromEntries(RECORD_FIELDS.map((field) => [field, '-'])) as Record<
    RecordField,
    string
  >;
  const values = {
    ...dashes,
    version: context.fields.some((field) => !VERSION_2_FIELDS.includes(field)) ? '5' : '2',
    'account-id': context.account,
    'interface-id': interfaceName,
    start: String(Math.floor(startUs / 1e6)),
    end: String(Math.floor(endUs / 1e6)),
    'log-status': status,
  };
  return printLine(values, context.fields);
}
