// What an operator may write as a destination of the agent: where messages go, which ones, and the queue that
// keeps them until they have arrived. Part of the schema of agent.json (config/agent.schema.ts).
//
// Refuses: unknown keys, everywhere. What is legal alone and foolish together: config/agent-rules.ts.

import type { Schema } from './rule.schema.ts';

export const tlsTrustSchema = {
  title: 'tls',
  type: 'object',
  additionalProperties: false,
  default: {},
  description:
    'For `tls://` and `relps://`: whom the agent believes, and who it says it is. Files are PEM; they are read at each connection.',
  examples: [{ ca: 'ca.pem', cert: 'host.pem', key: 'host.key' }],
  properties: {
    ca: {
      type: 'string',
      format: 'path',
      description: 'Who must have signed the certificate of the server. Absent: whom this system trusts.',
      examples: ['ca.pem'],
    },
    cert: {
      type: 'string',
      format: 'path',
      description: 'Certificate that the agent shows to a server that asks for one; needs `key`.',
      examples: ['host.pem'],
    },
    key: {
      type: 'string',
      format: 'path',
      description: 'Private key of that certificate, without a passphrase.',
      examples: ['host.key'],
    },
    serverName: {
      type: 'string',
      format: 'host-name',
      description: 'Name that the certificate of the server must have. Absent: the host of `to`.',
      examples: ['logs.example.org'],
    },
  },
} as const satisfies Schema;

export const queueSchema = {
  title: 'queue',
  type: 'object',
  additionalProperties: false,
  default: {},
  description:
    'The queue on disk that keeps the messages of one destination until they have arrived. It survives restarts, crashes and power cuts.',
  examples: [{ directory: '/var/lib/belfry/queue/fwdRule1', maxDiskSpace: '1GiB', onFull: 'block' }],
  properties: {
    directory: {
      type: 'string',
      format: 'path',
      description:
        'Where it lies; it belongs to this destination alone. Absent: `/var/lib/belfry/queue/` and the name of the destination.',
      examples: ['/var/lib/belfry/queue/fwdRule1'],
    },
    maxDiskSpace: {
      type: 'string',
      format: 'size',
      atLeast: '1MiB',
      atMost: '1TiB',
      default: '1GiB',
      description: 'So much it may take on the disk.',
    },
    onFull: {
      type: 'string',
      enum: ['block', 'dropOldest', 'dropNewest'],
      default: 'block',
      description:
        'What happens when it is full. `block`: inputs wait; journald and files keep their messages meanwhile, what comes over UDP or /dev/log is dropped and counted. `dropOldest`, `dropNewest`: the oldest or newest messages are dropped and counted.',
    },
    sync: {
      type: 'string',
      enum: ['none', '1s', 'each'],
      default: '1s',
      description:
        'When it is on the disk for good. `none`: it survives a crash of the agent. `1s`: within a second. `each`: before the next batch is taken, so that it survives a power cut.',
    },
  },
} as const satisfies Schema;

export const retrySchema = {
  title: 'retry',
  type: 'object',
  additionalProperties: false,
  default: {},
  description:
    'How long the agent waits before it connects again; it tries for ever. The wait doubles from `min` to `max` and is spread by chance, so that a thousand agents do not come back at once.',
  examples: [{ min: '100ms', max: '30s' }],
  properties: {
    min: {
      type: 'string',
      format: 'span',
      atLeast: '10ms',
      atMost: '1h',
      default: '100ms',
      description: 'The first wait.',
    },
    max: {
      type: 'string',
      format: 'span',
      atLeast: '10ms',
      atMost: '1h',
      default: '30s',
      description: 'The longest wait.',
    },
  },
} as const satisfies Schema;

export const destinationSchema = {
  title: 'destination',
  type: 'object',
  additionalProperties: false,
  required: ['to'],
  description:
    'Where messages go. Several destinations are replicas: each gets every message that it selects, has a queue of its own, and never waits for another.',
  examples: [{ name: 'fwdRule1', to: 'relp://172.31.100.94:2514' }],
  properties: {
    name: {
      type: 'string',
      format: 'queue-name',
      description:
        'What the log and `belfry status` call it, and its directory among the queues. Absent: `destination1`, `destination2`, by its place in the list.',
      examples: ['fwdRule1'],
    },
    to: {
      type: ['string', 'array'],
      format: 'target',
      minItems: 1,
      maxItems: 16,
      items: { type: 'string', format: 'target' },
      description:
        'Server: `relp://`, `relps://` (RELP over TLS), `tls://`, `tcp://` or `udp://`, a name or an address (`[…]` around IPv6), and a port (without one: 2514 for `relp` and `relps`, 6514 for `tls`, 514 for `tcp` and `udp`). A list is tried in its order: the later ones stand in when the earlier ones are away; all have one scheme. RELP alone knows what has arrived.',
      examples: ['relp://172.31.100.94:2514', ['relps://logs1.example.org', 'relps://logs2.example.org']],
    },
    select: {
      type: ['string', 'array'],
      format: 'selector',
      minItems: 1,
      items: { type: 'string', format: 'selector' },
      description:
        'Facility and severity in the language of syslog.conf: see [selectors](config.md#selectors). A list means any of its lines. Absent: every message.',
      examples: ['*.*', 'auth,authpriv.*'],
    },
    program: {
      type: ['string', 'array'],
      format: 'glob',
      minItems: 1,
      items: { type: 'string', format: 'glob' },
      description:
        'Programs whose messages go there; `*` stands for any text, `?` for one character. Absent: every program.',
      examples: [['sshd', 'sudo']],
    },
    framing: {
      type: 'string',
      enum: ['octet-counted', 'lf'],
      default: 'octet-counted',
      description:
        'For `tcp`: how messages are told apart (RFC 6587). `lf` is for receivers that know no octet counting; line breaks within a message are then written as `#012`.',
    },
    window: {
      type: 'integer',
      minimum: 1,
      maximum: 65536,
      default: 2048,
      description:
        'For `relp` and `relps`: so many messages may be on their way without an answer. So many may come twice when a connection breaks.',
    },
    tls: tlsTrustSchema,
    queue: queueSchema,
    retry: retrySchema,
    timeout: {
      type: 'string',
      format: 'span',
      atLeast: '100ms',
      atMost: '10min',
      default: '10s',
      description:
        'A connection that does not come about within this span, or on which nothing is answered for so long, is given up and made anew: see [transports](transports.md).',
    },
  },
} as const satisfies Schema;
