// What an operator may write as an input of the agent: where its messages come from. Each type has a schema of its
// own; the key `type` tells which one counts. Part of the schema of agent.json (config/agent.schema.ts).
//
// Refuses: keys of another type, everywhere.

import { fileMode, type Schema } from './rule.schema.ts';

/** By number: RFC 5424 section 6.2.1, with the names that syslog.conf uses. */
export const FACILITY_NAMES = [
  ...(['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news'] as const),
  ...(['uucp', 'cron', 'authpriv', 'ftp', 'ntp', 'audit', 'alert', 'clock'] as const),
  ...(['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'] as const),
] as const;

/** By number, the most severe first. */
export const SEVERITY_NAMES = [
  'emerg',
  'alert',
  'crit',
  'err',
  'warning',
  'notice',
  'info',
  'debug',
] as const;

/** A name is shown in one column, and is part of the name of a checkpoint. */
const NAME_LENGTH_MAX = 100;

const inputName = {
  type: 'string',
  minLength: 1,
  maxLength: NAME_LENGTH_MAX,
  format: 'plain-text',
  description:
    'What the log and `belfry status` call the input. Its checkpoint is kept under this name, so keep it. Absent: its type, with a number from the second one on (`file`, `file2`).',
  examples: ['nginx'],
} as const satisfies Schema;

const startPlace = {
  type: 'string',
  enum: ['beginning', 'end'],
  default: 'beginning',
} as const satisfies Schema;

/** SO_RCVBUF of one socket: room for some ten thousand messages while the agent is busy. */
const receiveBuffer = {
  type: 'string',
  format: 'size',
  atLeast: '4KiB',
  atMost: '1GiB',
  default: '8MiB',
} as const satisfies Schema;

/** How lines become messages; the same for files and standard input. */
const lineKeys = {
  format: {
    type: 'string',
    enum: ['plain', 'bsd', 'rfc5424'],
    default: 'plain',
    description:
      'How a line is read: `plain` (the line is the text), `bsd` (`Nov 20 12:34:15 host program[pid]: text`) or `rfc5424`. A line that cannot be read so is taken as `plain`, and counted.',
  },
  program: {
    type: 'string',
    format: 'app-name',
    description:
      "APP-NAME of messages whose lines name none. Absent: the file's name without its ending (`access` for `access.log`), and `stdin` for standard input.",
    examples: ['nginx'],
  },
  facility: {
    type: 'string',
    enum: FACILITY_NAMES,
    default: 'user',
    description: 'Facility of messages whose lines name none.',
  },
  severity: {
    type: 'string',
    enum: SEVERITY_NAMES,
    default: 'notice',
    description: 'Severity of messages whose lines name none.',
  },
  multiline: {
    type: 'string',
    format: 'regex',
    description:
      'Regular expression for the line that begins a message; lines that it does not match belong to the message before, as those of a stack trace. Absent: each line is a message.',
    examples: ['^\\d{4}-\\d\\d-\\d\\d '],
  },
  timeZone: {
    type: 'string',
    format: 'zone',
    default: 'local',
    description:
      'The zone of times that name none: `local` (that of this host), a name such as `Europe/Berlin`, or an offset such as `+02:00`.',
  },
} as const satisfies Record<string, Schema>;

export const journaldInput = {
  title: 'journald input',
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  description:
    "The systemd journal, read with journalctl from the place where the last run ended. The agent's user needs the group `systemd-journal`.",
  examples: [{ type: 'journald' }, { type: 'journald', matches: ['_SYSTEMD_UNIT=nginx.service'] }],
  properties: {
    type: { type: 'string', const: 'journald', description: 'Which input it is.' },
    name: inputName,
    directory: {
      type: 'string',
      format: 'path',
      description:
        'Directory with journal files, as of `journalctl --directory`. Absent: those of this host.',
      examples: ['/var/log/journal/remote'],
    },
    matches: {
      type: 'array',
      maxItems: 100,
      default: [],
      items: { type: 'string', format: 'journal-match' },
      description:
        'Which entries, as journalctl takes them: `FIELD=value`; values of one field mean any of them, different fields must all hold, `+` between two groups means either. Empty: all.',
      examples: [['_SYSTEMD_UNIT=nginx.service', '_SYSTEMD_UNIT=sshd.service']],
    },
    from: {
      ...startPlace,
      description: 'Where the first run begins: with the oldest entry of the journal, or with the next one.',
    },
  },
} as const satisfies Schema;

export const fileInput = {
  title: 'file input',
  type: 'object',
  additionalProperties: false,
  required: ['type', 'path'],
  description:
    'Files that grow by lines. New files that a pattern matches are found, rotated ones are read to their end; positions survive a restart.',
  examples: [{ type: 'file', path: '/var/log/nginx/*.log', program: 'nginx', facility: 'local0' }],
  properties: {
    type: { type: 'string', const: 'file', description: 'Which input it is.' },
    name: inputName,
    path: {
      type: ['string', 'array'],
      format: 'file-glob',
      minItems: 1,
      maxItems: 100,
      items: { type: 'string', format: 'file-glob' },
      description:
        'Paths with `*`, `?`, `[a-z]` within a name, and `**` for any number of directories. A name that begins with a dot is matched by a pattern that does.',
      examples: ['/var/log/nginx/*.log', ['/var/log/app/**/*.log', '/srv/job.out']],
    },
    exclude: {
      type: ['string', 'array'],
      format: 'file-glob',
      maxItems: 100,
      items: { type: 'string', format: 'file-glob' },
      description: 'Paths that are not read although `path` matches them, in the same language.',
      examples: ['/var/log/nginx/*.gz'],
    },
    from: {
      ...startPlace,
      description:
        'Where the first run begins in files that are there already. Those that appear later are always read from their beginning.',
    },
    ...lineKeys,
  },
} as const satisfies Schema;

export const devlogInput = {
  title: 'devlog input',
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  description:
    'The socket that syslog(3) of this host writes to, where no journald owns it. It is always read: what the queues have no room for is dropped and counted, since a full /dev/log would stop every program that logs.',
  examples: [{ type: 'devlog', path: '/dev/log' }],
  properties: {
    type: { type: 'string', const: 'devlog', description: 'Which input it is.' },
    name: inputName,
    path: {
      type: 'string',
      format: 'path',
      default: '/dev/log',
      description: 'Path of the Unix socket.',
    },
    mode: {
      ...fileMode,
      description: 'Permissions of the socket, octal: who may log.',
      default: '0666',
      examples: ['0666'],
    },
    receiveBuffer: { ...receiveBuffer, description: 'Buffer of the kernel for this socket.' },
  },
} as const satisfies Schema;

export const listenInput = {
  title: 'listen input',
  type: 'object',
  additionalProperties: false,
  required: ['type', 'listen'],
  description: 'Programs that speak syslog over UDP or TCP, on this host or in its network.',
  examples: [{ type: 'listen', listen: 'udp://127.0.0.1:514' }],
  properties: {
    type: { type: 'string', const: 'listen', description: 'Which input it is.' },
    name: inputName,
    listen: {
      type: ['string', 'array'],
      format: 'agent-listen',
      minItems: 1,
      maxItems: 16,
      items: { type: 'string', format: 'agent-listen' },
      description:
        'Addresses to receive on: `udp://` or `tcp://`, an IP address (`[…]` around IPv6), and a port (514 without one).',
      examples: ['udp://127.0.0.1:514', ['udp://127.0.0.1:514', 'tcp://127.0.0.1:514']],
    },
    allow: {
      type: 'array',
      minItems: 1,
      default: ['127.0.0.0/8', '::1'],
      items: { type: 'string', format: 'range' },
      description:
        'Who may send: addresses and CIDR ranges. What others send is refused and counted. By default this host alone.',
      examples: [['127.0.0.0/8', '::1', '172.31.96.0/20']],
    },
    receiveBuffer: { ...receiveBuffer, description: 'Buffer of the kernel for each UDP socket.' },
  },
} as const satisfies Schema;

export const stdinInput = {
  title: 'stdin input',
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  description:
    'Lines from standard input. An agent that has no other input ends when they have ended and everything is delivered.',
  examples: [{ type: 'stdin', program: 'backup' }],
  properties: {
    type: { type: 'string', const: 'stdin', description: 'Which input it is.' },
    name: inputName,
    ...lineKeys,
  },
} as const satisfies Schema;

export const inputSchema = {
  title: 'input',
  type: 'object',
  required: ['type'],
  description:
    'Where messages come from. Each destination reads journald and files for itself, at its own pace.',
  properties: {
    type: {
      type: 'string',
      description:
        'Which input it is, and so which keys it has: [journald](#journald-input), [file](#file-input), [devlog](#devlog-input), [listen](#listen-input), [stdin](#stdin-input).',
      examples: ['journald'],
    },
  },
  discriminator: { propertyName: 'type' },
  oneOf: [journaldInput, fileInput, devlogInput, listenInput, stdinInput],
} as const;
