// What an operator may write below `ntp`. Part of the schema of server.json (config/server.schema.ts).
//
// Refuses: `sources`, until there is a version that asks them (config/later.ts).

import type { Schema } from './rule.schema.ts';

export const localSchema = {
  title: 'local',
  type: 'object',
  additionalProperties: false,
  description:
    'Serve the time of this host, at a stratum of its own, whether or not somebody keeps its clock. Absent: answers say "not synchronised", and no client follows them.',
  examples: [{ stratum: 10 }],
  properties: {
    stratum: {
      type: 'integer',
      minimum: 1,
      maximum: 15,
      default: 10,
      description: 'How far from a reference clock we say we are; keep it high, so that real sources win.',
    },
  },
} as const satisfies Schema;

export const rateLimitSchema = {
  title: 'rateLimit',
  type: ['object', 'boolean'],
  not: { const: true },
  additionalProperties: false,
  default: {},
  description:
    'How often one address is answered; `false` for no limit. What is beyond the limit gets silence and is counted.',
  examples: [{ interval: 3, burst: 8 }, false],
  properties: {
    interval: {
      type: 'integer',
      minimum: -10,
      maximum: 12,
      default: 3,
      description: 'In the long run one answer every 2^interval seconds.',
    },
    burst: {
      type: 'integer',
      minimum: 1,
      maximum: 255,
      default: 8,
      description: 'So many answers may come at once.',
    },
    leak: {
      type: 'integer',
      minimum: 1,
      maximum: 4,
      default: 2,
      description:
        'Beyond the limit one request in 2^leak is answered by chance, so that a flood in the name of a host cannot cut it off.',
    },
  },
} as const satisfies Schema;

export const ntpSchema = {
  title: 'ntp',
  type: 'object',
  additionalProperties: false,
  description: 'Serving the time over NTP. Absent: not served.',
  examples: [{ allow: ['172.31.96.0/20'], local: { stratum: 10 } }],
  properties: {
    listen: {
      type: 'array',
      minItems: 1,
      maxItems: 16,
      default: ['0.0.0.0:123', '[::]:123'],
      items: { type: 'string', format: 'ntp-listen' },
      description: 'Addresses to serve on: an IP address (`[…]` around IPv6) and a port.',
      examples: [['0.0.0.0:123', '[::]:123']],
    },
    allow: {
      type: 'array',
      default: [],
      items: { type: 'string', format: 'range' },
      description:
        'Who may ask: addresses and CIDR ranges. This host itself may without being named. Others get silence and are counted.',
      examples: [['172.31.96.0/20']],
    },
    deny: {
      type: 'array',
      default: [],
      items: { type: 'string', format: 'range' },
      description:
        'Who may not, within what `allow` lets in. The narrowest range that holds an address decides.',
      examples: [['172.31.104.0/24']],
    },
    local: localSchema,
    rateLimit: rateLimitSchema,
    maxClients: {
      type: 'integer',
      minimum: 16,
      maximum: 1048576,
      default: 4096,
      description:
        'Addresses that are kept account of (`belfry clients`) and limited each for itself, 160 bytes of memory for each, rounded up to a power of two. A newcomer takes the place of one that was silent long.',
    },
  },
} as const satisfies Schema;
