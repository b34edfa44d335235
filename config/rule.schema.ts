// What an operator may write in a rule, and in the settings that a rule shares with `files`. The first half of
// the one declaration; config/server.schema.ts has the rest and says what comes from it.
//
// Refuses: unknown keys, everywhere.

import type { ExtendedJSONSchema, FromExtendedSchema } from 'json-schema-to-ts';

/** Our own keywords: the limits of a value that is written as a size or a span. */
export type Limits = {
  readonly atLeast?: string;
  readonly atMost?: string;
};
export type Schema = ExtendedJSONSchema<Limits>;

export const LINE_FORMATS = ['traditional', 'iso', 'rfc5424', 'json', 'raw'] as const;
export const SYNC_KINDS = ['none', '1s', 'ack'] as const;

export const lineFormat = {
  type: 'string',
  enum: LINE_FORMATS,
  description:
    'How a message is written: `traditional` (`Nov 20 12:34:15 host program[pid]: text`), `iso` (the same with an RFC 3339 time), ' +
    '`rfc5424`, `json` (one object a line) or `raw` (as it arrived). One message is always one line.',
} as const satisfies Schema;

export const fileMode = {
  type: 'string',
  format: 'file-mode',
  description: 'Permissions of a new log file, octal.',
  examples: ['0640'],
} as const satisfies Schema;

export const directoryMode = {
  type: 'string',
  format: 'directory-mode',
  description: 'Permissions of a directory that Belfry makes, octal.',
  examples: ['0750'],
} as const satisfies Schema;

export const owner = {
  type: ['string', 'integer'],
  format: 'user',
  minimum: 0,
  maximum: 4294967294,
  description:
    'User that new files and directories are given to: a name from /etc/passwd, or a number. Absent: the user that runs Belfry.',
  examples: ['syslog'],
} as const satisfies Schema;

export const group = {
  type: ['string', 'integer'],
  format: 'group',
  minimum: 0,
  maximum: 4294967294,
  description:
    'Group that new files and directories are given to: a name from /etc/group, or a number. Absent: the group that runs Belfry.',
  examples: ['adm'],
} as const satisfies Schema;

export const sync = {
  type: 'string',
  enum: SYNC_KINDS,
  description:
    '`none`: what was written survives a crash of Belfry. `1s`: it is on the disk within a second. ' +
    '`ack`: it is acknowledged only when it is on the disk, so it survives a power cut.',
} as const satisfies Schema;

export const rotateSchema = {
  title: 'rotate',
  type: ['object', 'boolean'],
  not: { const: true },
  additionalProperties: false,
  description:
    'Rotation by size, done by Belfry itself; `false` for none (`{date}` in the path, or logrotate with SIGHUP, are the other ways). ' +
    'The file `x.log` becomes `x.log.1`, older ones move up.',
  examples: [{ size: '100MiB', keep: 14, compress: true }],
  properties: {
    size: {
      type: 'string',
      format: 'size',
      atLeast: '4KiB',
      default: '100MiB',
      description: 'A file that has grown to this size is rotated.',
      examples: ['100MiB'],
    },
    keep: {
      type: 'integer',
      minimum: 1,
      maximum: 10000,
      default: 14,
      description: 'So many rotated files are kept; the oldest is removed.',
    },
    compress: { type: 'boolean', default: true, description: 'Rotated files are compressed with gzip.' },
  },
} as const satisfies Schema;

export const fileSchema = {
  title: 'file',
  type: ['string', 'object'],
  format: 'file-template',
  required: ['path'],
  additionalProperties: false,
  description:
    'Where the messages go: a path with template words, or an object with the path and settings that differ from those of `files`. ' +
    'A relative path lies below `files.root`. In an absolute path the directory before the first template word is the root that nothing leaves.',
  examples: ['{host}/auth-{date}.log', { path: '/var/log/web.json', format: 'json', mode: '0644' }],
  properties: {
    path: {
      type: 'string',
      format: 'file-template',
      description: 'Path with [template words](#template-words).',
      examples: ['{fromHostIp}/{program}.log'],
    },
    format: lineFormat,
    mode: fileMode,
    owner,
    group,
    sync,
    rotate: rotateSchema,
  },
} as const satisfies Schema;

export const matchSchema = {
  title: 'match',
  type: 'object',
  additionalProperties: false,
  description:
    'Which messages the rule is for: all keys that are given must hold, a list means any of its values. Without `match` the rule is for every message.',
  properties: {
    fromHostIp: {
      type: ['string', 'array'],
      format: 'range',
      minItems: 1,
      items: { type: 'string', format: 'range' },
      description:
        'Address or CIDR range of the host that the message came from (the peer of the connection, never a name).',
      examples: ['172.31.101.79', ['10.0.0.0/8', 'fd00::/8']],
    },
    host: {
      type: ['string', 'array'],
      format: 'glob',
      minItems: 1,
      items: { type: 'string', format: 'glob' },
      description:
        'Host name in the message; `*` stands for any text, `?` for one character, `[a-z]` for one of a set, `[!a-z]` for one of all others; upper and lower case are alike.',
      examples: ['web-*'],
    },
    program: {
      type: ['string', 'array'],
      format: 'glob',
      minItems: 1,
      items: { type: 'string', format: 'glob' },
      description:
        'Program in the message (APP-NAME, or the tag without its process id), with the wildcards of `host`; upper and lower case differ.',
      examples: [['sshd', 'sudo']],
    },
    select: {
      type: ['string', 'array'],
      format: 'selector',
      minItems: 1,
      items: { type: 'string', format: 'selector' },
      description: 'Facility and severity in the language of syslog.conf: see [selectors](#selectors).',
      examples: ['auth,authpriv.*;mail.err;cron.none'],
    },
    contains: {
      type: ['string', 'array'],
      minLength: 1,
      minItems: 1,
      items: { type: 'string', minLength: 1 },
      description: 'Text that stands anywhere in the message text; upper and lower case differ.',
      examples: ['Failed password'],
    },
    regex: {
      type: ['string', 'array'],
      format: 'regex',
      minItems: 1,
      items: { type: 'string', format: 'regex' },
      description:
        'JavaScript regular expression that is looked for in the message text; `(?i)` in front makes upper and lower case alike. ' +
        'In JSON each backslash is written twice. A pattern that gets lost in a hostile message, such as `(a+)+$`, is finished by an engine whose time only grows with the text; that engine knows no look-around and no back references: avoid repetitions within repetitions together with those.',
      examples: ['(?i)session (opened|closed) for user \\w+'],
    },
    certName: {
      type: ['string', 'array'],
      format: 'glob',
      minItems: 1,
      items: { type: 'string', format: 'glob' },
      description:
        'Name in the certificate that the sender showed on a `tls://` or `relps://` listener (its first DNS name, else its first address, else its first mail address, else its common name: see [TLS](tls.md)), with the wildcards of `host`; upper and lower case are alike. What came without a certificate never matches.',
      examples: ['web-*.example.org'],
    },
  },
} as const satisfies Schema;

export const ruleSchema = {
  title: 'rule',
  type: 'object',
  additionalProperties: false,
  description:
    'Rules run in order: first those of the included files in name order, then those of the main file. Each has at least one of `file`, `discard` and `stop`.',
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      format: 'plain-text',
      description: 'What `belfry explain` and the log call the rule. Absent: its place, such as `rules[2]`.',
      examples: ['logins'],
    },
    match: matchSchema,
    file: fileSchema,
    discard: {
      type: 'boolean',
      default: false,
      description: 'The message is counted and goes nowhere, not even to later rules.',
    },
    stop: {
      type: 'boolean',
      default: false,
      description: 'Later rules do not see a message that this rule matched.',
    },
  },
} as const satisfies Schema;

export const rules = {
  type: 'array',
  default: [],
  items: ruleSchema,
  description: 'The rules, in the order in which they run.',
} as const satisfies Schema;

export type RuleText = FromExtendedSchema<Limits, typeof ruleSchema>;
export type MatchText = FromExtendedSchema<Limits, typeof matchSchema>;
