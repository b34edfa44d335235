// What an ICMP "destination unreachable" means, code by code, for both families; and which of them are the word of a
// filter rather than of a network that has no way. RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1;
// RFC 4443 section 3.1 with the codes that were added to it (RFC 6550, RFC 8883).
// Refuses: other types of ICMP; they refuse nothing.

const CODES_V4: readonly string[] = [
  'network unreachable',
  'host unreachable',
  'protocol unreachable',
  'port unreachable',
  'fragmentation needed',
  'source route failed',
  'network unknown',
  'host unknown',
  'source host isolated',
  'network prohibited',
  'host prohibited',
  'network unreachable for this type of service',
  'host unreachable for this type of service',
  'prohibited by a filter',
  'host precedence violation',
  'precedence cutoff',
];

const CODES_V6: readonly string[] = [
  'no route',
  'prohibited by a filter',
  'beyond the scope of the source address',
  'address unreachable',
  'port unreachable',
  'source address refused by a policy',
  'route rejected',
  'error in the source routing header',
  'headers too long',
];

/** ICMPv6 has type 1 for it (RFC 4443), ICMP type 3 (RFC 792). */
const TYPE_V6 = 1;

export type Unreachable = readonly [type: number, code: number];

export function unreachableText([type, code]: Unreachable): string {
  return (type === TYPE_V6 ? CODES_V6 : CODES_V4)[code] ?? 'unreachable';
}

/** Whether somebody decided so: a firewall or an access list said no, and the way there may well exist. */
export function isProhibited([type, code]: Unreachable): boolean {
  return type === TYPE_V6 ? code === 1 || code === 5 || code === 6 : code === 9 || code === 10 || code === 13;
}
