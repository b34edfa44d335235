// What an operator may write in server.json: the one declaration (rules are in config/rule.schema.ts). The
// TypeScript type, the check, the defaults, the editor's schema file and docs/config.md all come from here. A
// `format` names a check of config/formats.ts; `title` is the heading in docs/config.md.
//
// Refuses: unknown keys, everywhere. What a later version brings is listed in config/later.ts.

import type { FromExtendedSchema } from 'json-schema-to-ts';
import { ntpSchema } from './ntp.schema.ts';
import {
  directoryMode,
  fileMode,
  group,
  type Limits,
  lineFormat,
  owner,
  rotateSchema,
  rules,
  type Schema,
  sync,
} from './rule.schema.ts';
import { tlsServerSchema } from './tls.schema.ts';

/** RFC 5424 section 6.1: a receiver must take messages of up to 480 octets. */
export const MESSAGE_SIZE_MIN = '480 B';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export const LOG_FORMATS = ['auto', 'text', 'json'] as const;

export const schemaKey = {
  type: 'string',
  description: 'Path or address of the schema file, for editors. Belfry does not read it.',
  examples: ['/usr/lib/node_modules/belfry/config/published/server.schema.json'],
} as const satisfies Schema;

export const timeZoneSchema = {
  title: 'timeZone',
  type: ['string', 'object'],
  format: 'zone',
  default: 'local',
  description:
    'The zone of times that name none: one zone for all senders, or an object with a zone for each address or range. ' +
    'The narrowest range that holds the sender wins; `default` is for all others. A zone is `local` (that of this host), a name such as `Europe/Berlin`, or an offset such as `+02:00`.',
  examples: ['Europe/Berlin', { default: 'local', '172.31.101.0/24': 'America/New_York' }],
  properties: {
    default: {
      type: 'string',
      format: 'zone',
      default: 'local',
      description: 'For senders that no range holds.',
    },
  },
  propertyNames: { type: 'string', format: 'zone-sender' },
  additionalProperties: { type: 'string', format: 'zone' },
} as const satisfies Schema;

export const syslogSchema = {
  title: 'syslog',
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Receiving syslog.',
  properties: {
    listen: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      default: ['udp://0.0.0.0:514', 'tcp://0.0.0.0:514'],
      items: { type: 'string', format: 'listen' },
      description:
        'Addresses to receive on: `udp://`, `tcp://`, `relp://`, `tls://` or `relps://` (RELP over TLS), an IP address (`[…]` around IPv6; `[::]` takes IPv4 too), and a port. Without a port: 514 for `udp` and `tcp`, 2514 for `relp` and `relps`, 6514 for `tls`. `tls` and `relps` need `syslog.tls`.',
      examples: [['udp://0.0.0.0:514', 'tcp://[::]:514', 'relp://0.0.0.0:2514', 'tls://0.0.0.0:6514']],
    },
    allow: {
      type: 'array',
      minItems: 1,
      default: ['0.0.0.0/0', '::/0'],
      items: { type: 'string', format: 'range' },
      description: 'Who may send: addresses and CIDR ranges. Messages of others are refused and counted.',
      examples: [['127.0.0.0/8', '::1', '172.31.96.0/20']],
    },
    maxMessageSize: {
      type: 'string',
      format: 'size',
      atLeast: MESSAGE_SIZE_MIN,
      atMost: '1MiB',
      default: '64KiB',
      description: 'Longer messages are cut here, and counted.',
    },
    lanes: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 1,
      description:
        'Threads that receive each UDP address. One keeps up with several hundred thousand messages a second.',
    },
    receiveBuffer: {
      type: 'string',
      format: 'size',
      atLeast: '4KiB',
      atMost: '1GiB',
      default: '64MiB',
      description:
        'Buffer of the kernel for each UDP socket: what bursts need so that nothing is lost. Beyond net.core.rmem_max it needs CAP_NET_ADMIN; what was got is logged at start.',
    },
    maxConnections: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 5000,
      description: 'Connections at once (TCP, TLS and RELP together); further ones are refused and counted.',
    },
    maxConnectionsPerSource: {
      type: 'integer',
      minimum: 0,
      maximum: 1000000,
      default: 0,
      description:
        'Connections of one address at once; further ones are refused and counted. `0`: no limit but `maxConnections`.',
    },
    idleTimeout: {
      type: 'string',
      format: 'span',
      default: '24h',
      description:
        'A connection that sends nothing for so long is closed; `0s`: never. Keep it long: the first message that a sender writes into a closed connection is lost.',
    },
    handshakeTimeout: {
      type: 'string',
      format: 'span',
      atLeast: '100ms',
      atMost: '10min',
      default: '10s',
      description:
        'What comes before the first message (a PROXY header, the handshake of TLS, the `open` of RELP) must be done within this span; else the connection is closed and counted.',
    },
    proxyProtocol: {
      type: 'array',
      default: [],
      items: { type: 'string', format: 'range' },
      description:
        'Load balancers that begin each connection with a PROXY header (version 1 or 2): addresses and CIDR ranges. The address in the header then counts as the sender, in `allow`, in `fromHostIp` and in every limit. A connection from there without a header is refused. Headers of others are never believed.',
      examples: [['10.0.0.10', '10.0.0.11']],
    },
    tls: tlsServerSchema,
    timeZone: timeZoneSchema,
  },
} as const satisfies Schema;

export const filesSchema = {
  title: 'files',
  type: 'object',
  additionalProperties: false,
  default: {},
  description:
    'Settings of all log files. A rule may have its own `format`, `mode`, `owner`, `group`, `sync` and `rotate`.',
  properties: {
    root: {
      type: 'string',
      format: 'path',
      default: '/var/log/belfry',
      description: 'Directory that relative paths of rules lie in. It is made when it does not exist.',
    },
    format: { ...lineFormat, default: 'traditional' },
    mode: { ...fileMode, default: '0640' },
    directoryMode: { ...directoryMode, default: '0750' },
    owner,
    group,
    sync: { ...sync, default: 'none' },
    rotate: { ...rotateSchema, default: false },
    maxOpen: {
      type: 'integer',
      minimum: 8,
      maximum: 1000000,
      default: 1000,
      description:
        'Files that are kept open at once. The one that was used longest ago is closed for a new one; nothing is lost by it.',
    },
  },
} as const satisfies Schema;

export const httpSchema = {
  title: 'http',
  type: 'object',
  additionalProperties: false,
  required: ['listen'],
  description: 'Metrics (`/metrics`), health (`/healthz`) and status over HTTP. Absent: not served.',
  properties: {
    listen: {
      type: 'string',
      format: 'http-listen',
      description:
        'IP address and port. There is no password: keep it on the loopback address or behind a firewall.',
      examples: ['127.0.0.1:8514'],
    },
  },
} as const satisfies Schema;

export const controlSchema = {
  title: 'control',
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The socket that `belfry status` and its kin ask.',
  properties: {
    socket: {
      type: 'string',
      format: 'path',
      default: '/run/belfry/server.sock',
      description: 'Path of the Unix socket.',
    },
    mode: {
      type: 'string',
      format: 'file-mode',
      default: '0660',
      description: 'Permissions of the socket, octal: who may ask.',
    },
  },
} as const satisfies Schema;

export const sendersSchema = {
  title: 'senders',
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Watching over the hosts that send.',
  properties: {
    silentAfter: {
      type: 'string',
      format: 'span',
      atLeast: '1s',
      default: '15m',
      description:
        'A known host that sends nothing for so long is reported: in the log, in the metrics, in `belfry senders`.',
    },
  },
} as const satisfies Schema;

export const logSchema = {
  title: 'log',
  type: 'object',
  additionalProperties: false,
  default: {},
  description: "Belfry's own log, written to standard error.",
  properties: {
    level: {
      type: 'string',
      enum: LOG_LEVELS,
      default: 'info',
      description: 'The least severe lines that are written.',
    },
    format: {
      type: 'string',
      enum: LOG_FORMATS,
      default: 'auto',
      description:
        '`text` for people, `json` (one object a line) for programs; `auto`: text, and under systemd with the priority that the journal reads.',
    },
  },
} as const satisfies Schema;

export const serverSchema = {
  title: 'Top level',
  type: 'object',
  additionalProperties: false,
  description: 'The configuration of `belfry serve`.',
  properties: {
    $schema: schemaKey,
    syslog: syslogSchema,
    files: filesSchema,
    include: {
      type: 'array',
      maxItems: 100,
      default: [],
      items: { type: 'string', format: 'include' },
      description:
        'Further files of rules, each `{ "rules": [ … ] }`. `*` and `?` stand in the last part of the path; files are taken in name order, and their rules come before those of the main file.',
      examples: [['conf.d/*.json']],
    },
    rules,
    ntp: ntpSchema,
    http: httpSchema,
    control: controlSchema,
    senders: sendersSchema,
    log: logSchema,
  },
} as const satisfies Schema;

/** What an included file may hold. */
export const rulesFileSchema = {
  title: 'Included file',
  type: 'object',
  additionalProperties: false,
  description: 'A file that `include` names.',
  properties: { $schema: schemaKey, rules },
} as const satisfies Schema;

/** server.json after the check, with defaults in place: what the operator wrote, still as text. */
export type ServerFile = FromExtendedSchema<Limits, typeof serverSchema>;
export type RulesFile = FromExtendedSchema<Limits, typeof rulesFileSchema>;
