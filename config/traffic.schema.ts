// What an operator may write below `traffic`: which connections of this host the agent watches, what is told of them,
// and where. Part of the schema of agent.json (config/agent.schema.ts). The names of events and of the fields of a
// record are those of traffic/events; this room knows no other, so they stand here again, and a test compares.
//
// Refuses: unknown keys, everywhere. What is legal alone and foolish together: config/check-traffic.ts.

import { FACILITY_NAMES } from './input.schema.ts';
import { fileMode, type Schema } from './rule.schema.ts';

/** In the order in which they come about in the life of a connection. */
export const TRAFFIC_EVENTS = [
  ...(['opened', 'update', 'closed', 'reset', 'refused', 'no-answer', 'timeout', 'half-closed'] as const),
] as const;

/** Those of version 2 of VPC flow logs first, in its order; then what later versions have. */
export const TRAFFIC_RECORD_FIELDS = [
  ...(['version', 'account-id', 'interface-id', 'srcaddr', 'dstaddr', 'srcport', 'dstport'] as const),
  ...(['protocol', 'packets', 'bytes', 'start', 'end', 'action', 'log-status'] as const),
  ...(['tcp-flags', 'type', 'flow-direction'] as const),
] as const;

const VERSION_2 = TRAFFIC_RECORD_FIELDS.slice(0, 14);

const wait = { type: 'string', format: 'span', atLeast: '1s', atMost: '30d' } as const satisfies Schema;

export const timeoutsSchema = {
  title: 'timeouts',
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'How long a silence may last before it means something.',
  examples: [{ silent: '30s', tcpIdle: '1h' }],
  properties: {
    noAnswer: {
      ...wait,
      default: '20s',
      description:
        'A SYN without any answer is told as `no-answer` after this silence. Linux tries again after 1, 2, 4, 8 and 16 s.',
    },
    silent: {
      ...wait,
      default: '60s',
      description:
        'Bytes that wait so long for an acknowledgement, however often they are sent again, are told as `timeout`.',
    },
    halfClosed: {
      ...wait,
      default: '60s',
      description: 'One side is done and the other is not, for so long: `half-closed`.',
    },
    udpIdle: {
      ...wait,
      default: '60s',
      description: 'UDP, ICMP and all else without an end of its own ends after this silence.',
    },
    tcpIdle: {
      ...wait,
      default: '5d',
      description:
        'A TCP connection that rests for longer is forgotten; what comes later is told as one that was open before.',
    },
  },
} as const satisfies Schema;

export const trafficRateSchema = {
  title: 'rateLimit',
  type: ['object', 'boolean'],
  not: { const: true },
  additionalProperties: false,
  default: {},
  description:
    'How many events become messages, so that a port scan is no flood of logs; `false` for no limit. What is over it is counted by kind and told once a while. `update` and interval records have a pace of their own and are never held back.',
  examples: [{ perSecond: 50, burst: 200 }, false],
  properties: {
    perSecond: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'Events a second in the long run.',
    },
    burst: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: 'So many may come at once.',
    },
    clientPerSecond: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 10,
      description: 'The same for one client address, so that one that scans does not silence the others.',
    },
    clientBurst: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 100,
      description: 'So many of one client address may come at once.',
    },
  },
} as const satisfies Schema;

export const trafficSchema = {
  title: 'traffic',
  type: 'object',
  additionalProperties: false,
  description:
    'Watching the connections of this host: who opened one, who hung up, and what stood behind it. Absent: nothing is watched. Needs CAP_NET_RAW; without it the rest of the agent runs.',
  examples: [{}, { interfaces: ['eth0'], filter: 'port 2525', flowInterval: '60s' }],
  properties: {
    interfaces: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      default: ['any'],
      items: { type: 'string', format: 'interface' },
      description:
        'Names of interfaces, as `ip link` shows them. `any`: all there are, and those that come later. One that is missing is watched when it comes.',
      examples: [['eth0'], ['eth0', 'lo']],
    },
    filter: {
      type: 'string',
      format: 'traffic-filter',
      description:
        'Which packets count, in the language of tcpdump: see [filters](traffic.md#filters). Absent: all.',
      examples: ['port 2525', 'host 10.0.0.1 and not port 22'],
    },
    events: {
      type: 'array',
      maxItems: 8,
      default: TRAFFIC_EVENTS,
      items: { type: 'string', enum: TRAFFIC_EVENTS },
      description: 'What is told of a connection: see [events](traffic.md#what-is-said). Empty: nothing.',
      examples: [['closed', 'reset', 'refused', 'no-answer', 'timeout']],
    },
    updateInterval: {
      type: 'string',
      format: 'span',
      atLeast: '1s',
      atMost: '1d',
      default: '10min',
      description: 'A connection that lasts is told again (`update`) after each such span.',
    },
    flowInterval: {
      type: 'string',
      format: 'span',
      atLeast: '1s',
      atMost: '1h',
      description:
        'Interval records in the order of VPC flow logs, one for each direction of each connection that had packets within the span. Absent: none.',
      examples: ['60s'],
    },
    recordFields: {
      type: 'array',
      minItems: 1,
      maxItems: 32,
      default: VERSION_2,
      items: { type: 'string', enum: TRAFFIC_RECORD_FIELDS },
      description: 'The fields of an interval record, in this order.',
      examples: [['srcaddr', 'dstaddr', 'dstport', 'bytes', 'tcp-flags']],
    },
    maxRecords: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 5000,
      description:
        'So many interval records of one interval become messages, so that a scan of all ports is no flood of records. What is over it is counted, and told once.',
    },
    account: {
      type: 'string',
      format: 'record-word',
      default: '-',
      description: 'The field `account-id` of interval records, such as the name of a site.',
      examples: ['site-7'],
    },
    log: {
      type: 'string',
      format: 'path',
      description:
        'File with one line for each event, beside the messages: see [the traffic log](traffic-log.md). Also what `rateLimit` held back stands in it. SIGHUP opens it anew. Absent: none.',
      examples: ['/var/log/belfry-agent/traffic.log'],
    },
    logMode: {
      ...fileMode,
      default: '0640',
      description: 'Permissions of that file, octal.',
      examples: ['0644'],
    },
    owners: {
      type: 'boolean',
      default: true,
      description: 'Find out which process stands behind each end on this host: see [who](who.md).',
    },
    facility: {
      type: 'string',
      enum: FACILITY_NAMES,
      default: 'daemon',
      description: 'Facility of the messages. Their severity follows from the event.',
    },
    timeouts: timeoutsSchema,
    rateLimit: trafficRateSchema,
    maxFlows: {
      type: 'integer',
      minimum: 256,
      maximum: 4_194_304,
      default: 65_536,
      description:
        'Connections that are remembered at once, some 370 bytes of memory for each. When there are more, the one that has been idle longest is forgotten, and counted.',
    },
    promiscuous: {
      type: 'boolean',
      default: false,
      description: 'Also take packets that are for other hosts, where the network brings them here.',
    },
    snapLength: {
      type: 'string',
      format: 'size',
      atLeast: '96B',
      atMost: '64KiB',
      default: '256B',
      description: 'So much of each packet is looked at: room for headers, tags and one tunnel.',
    },
    ringSize: {
      type: 'string',
      format: 'size',
      atLeast: '1MiB',
      atMost: '1GiB',
      default: '32MiB',
      description:
        'Memory in which the kernel keeps packets until they are read. What has no room is counted as dropped.',
    },
  },
} as const satisfies Schema;
