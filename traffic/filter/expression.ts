// What a filter means, as a tree. The words that a person writes are parse.ts, the answer for one packet match.ts, the
// kernel's program bpf.ts: all three agree about these few kinds.
// Refuses: names of hosts. A filter never waits for a name server.

import type { Range } from '../../base/ip.ts';

/** `either` is what no direction word means. */
export type Direction = 'either' | 'both' | 'src' | 'dst';

export type Test =
  | { readonly kind: 'net'; readonly direction: Direction; readonly range: Range }
  | { readonly kind: 'port'; readonly direction: Direction; readonly from: number; readonly to: number }
  | { readonly kind: 'protocol'; readonly protocol: number }
  | { readonly kind: 'version'; readonly version: 4 | 6 }
  | { readonly kind: 'arp' };

export type Expression =
  | Test
  | { readonly kind: 'and'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly of: Expression };
