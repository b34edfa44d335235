// Trouble that an operator can mend. A Fault says what happened, where, and how to mend it, in whole
// sentences; it carries the exit code that the process ends with when nobody handles it. Each code is
// declared once, here: docs/faults.md is made from this table.

/** Exit codes of sysexits.h that Belfry uses. 0 is success, 1 is "found nothing, or not reached". */
export const EXIT = { ok: 0, nothing: 1, usage: 64, software: 70, permission: 77, config: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const FAULTS = {
  CLI_USAGE: { exit: EXIT.usage, means: 'The command line is not one that Belfry understands.' },
  CONFIG_NOT_FOUND: { exit: EXIT.config, means: 'The configuration file does not exist.' },
  CONFIG_NOT_READABLE: { exit: EXIT.config, means: 'The configuration file exists but cannot be read.' },
  CONFIG_SYNTAX: { exit: EXIT.config, means: 'The file is not JSON with comments.' },
  CONFIG_UNKNOWN_KEY: { exit: EXIT.config, means: 'A key that Belfry does not know.' },
  CONFIG_DUPLICATE_KEY: { exit: EXIT.config, means: 'The same key stands twice in one object.' },
  CONFIG_MISSING_KEY: { exit: EXIT.config, means: 'A key that is required is absent.' },
  CONFIG_WRONG_TYPE: { exit: EXIT.config, means: 'A value of the wrong type.' },
  CONFIG_BAD_VALUE: { exit: EXIT.config, means: 'A value of the right type that cannot be used.' },
  CONFIG_BAD_ADDRESS: { exit: EXIT.config, means: 'Not an IP address, a CIDR range or a listen address.' },
  CONFIG_BAD_TEMPLATE: {
    exit: EXIT.config,
    means: 'A path of a log file that cannot be used: a word that does not exist, an open brace, "..".',
  },
  CONFIG_BAD_REGEX: { exit: EXIT.config, means: 'A regular expression that does not compile.' },
  CONFIG_BAD_SELECTOR: { exit: EXIT.config, means: 'A selector that names no facility or severity.' },
  CONFIG_BAD_FILTER: { exit: EXIT.config, means: 'A filter of connections that cannot be read.' },
  CONFIG_UNREACHABLE_RULE: {
    exit: EXIT.config,
    means: 'A rule that can never run, since an earlier one ends the evaluation of every message.',
  },
  CONFIG_NO_RULES: { exit: EXIT.config, means: 'There is no rule, so every message would go nowhere.' },
  CONFIG_IDLE_RULE: { exit: EXIT.config, means: 'A rule that does nothing with the messages it matches.' },
  CONFIG_CONFLICT: { exit: EXIT.config, means: 'Two parts of the configuration that contradict each other.' },
  CONFIG_NOT_YET: { exit: EXIT.config, means: 'Something that this version of Belfry does not have yet.' },
  CONFIG_NOTE: {
    exit: EXIT.config,
    means: 'Something worth a look, that `belfry check` shows; no reason to refuse the configuration.',
  },
  CONFIG_FILE_NOT_WRITABLE: {
    exit: EXIT.config,
    means: 'A log file that could not be written by this user.',
  },
  CONFIG_BAD_CERTIFICATE: {
    exit: EXIT.config,
    means:
      'A certificate or key that cannot be used: not readable, not PEM, out of its dates, of another key.',
  },
  CONFIG_NO_DESTINATION: {
    exit: EXIT.config,
    means: 'There are inputs but no destination, so no message could go anywhere.',
  },
  LISTEN_IN_USE: {
    exit: EXIT.config,
    means: 'Another program holds the address that Belfry was told to listen on.',
  },
  LISTEN_PERMISSION: { exit: EXIT.permission, means: 'The right to listen on a port below 1024 is missing.' },
  LISTEN_FAILED: {
    exit: EXIT.config,
    means: 'The kernel refused to open a listening socket for another reason.',
  },
  CONTROL_IN_USE: { exit: EXIT.config, means: 'Another Belfry answers on the control socket.' },
  CONTROL_FAILED: { exit: EXIT.config, means: 'The control socket could not be made.' },
  CONTROL_NOT_REACHED: { exit: EXIT.nothing, means: 'No Belfry answers on the control socket.' },
  INPUT_IN_USE: { exit: EXIT.config, means: 'Another program receives where an input of the agent should.' },
  INPUT_PERMISSION: {
    exit: EXIT.permission,
    means: 'The right to read from a source of messages is missing.',
  },
  INPUT_FAILED: { exit: EXIT.config, means: 'A source of messages cannot be used, for another reason.' },
  CAPTURE_PERMISSION: {
    exit: EXIT.permission,
    means: 'The right to see the packets of this host is missing.',
  },
  CAPTURE_NO_INTERFACE: { exit: EXIT.nothing, means: 'There is no network interface of that name.' },
  CAPTURE_FAILED: {
    exit: EXIT.config,
    means: 'Packets cannot be captured for another reason, such as a lack of memory.',
  },
  KERNEL_DOOR: {
    exit: EXIT.software,
    means: 'The native library that reaches the kernel could not be loaded.',
  },
  NTP_NO_ANSWER: { exit: EXIT.nothing, means: 'An NTP server did not answer a question.' },
  SPOOL_UNSAFE: {
    exit: EXIT.permission,
    means: "The directory of a spool, or a file in it, is in another user's hands.",
  },
  SPOOL_IN_USE: { exit: EXIT.config, means: 'Another process holds the spool.' },
  SPOOL_FAILED: { exit: EXIT.config, means: 'The directory of a spool could not be made or opened.' },
  QUEUE_NOT_FOUND: {
    exit: EXIT.nothing,
    means: 'There is no queue in this directory, or it may not be read.',
  },
  INSTALL_PERMISSION: { exit: EXIT.permission, means: 'Only root may install or remove a service.' },
  INSTALL_HIDDEN: {
    exit: EXIT.config,
    means: 'This Belfry, or the Node.js that runs it, stands where a service cannot reach it.',
  },
  INSTALL_FAILED: { exit: EXIT.config, means: 'A step of an installation, or of a removal, did not work.' },
  LOG_NOT_READABLE: {
    exit: EXIT.nothing,
    means: 'A log file or directory that was named does not exist, or cannot be read.',
  },
  SEND_FAILED: { exit: EXIT.nothing, means: 'A message could not be handed to its destination.' },
} as const satisfies Record<string, { exit: ExitCode; means: string }>;

export type FaultCode = keyof typeof FAULTS;

/** Where in a configuration file something stands; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `rules[2].match.fromHostIp`; empty for the file as a whole. */
  readonly key: string;
}

export function printPlace(place: Place): string {
  const key = place.key === '' ? '' : `: ${place.key}`;
  return `${place.file}, line ${place.line}, column ${place.column}${key}`;
}

export interface FaultText {
  /** What happened: one sentence. */
  readonly what: string;
  /** Where: a file with line and column, a socket address, a path. */
  readonly where?: string;
  /** The same for programs, where it is a place in a configuration file. */
  readonly place?: Place;
  /** What the operator can do about it. */
  readonly mend?: string;
}

export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  readonly text: FaultText;

  constructor(code: FaultCode, text: FaultText) {
    super(text.what);
    this.code = code;
    this.text = text;
  }

  get exit(): ExitCode {
    return FAULTS[this.code].exit;
  }
}

/** As it is shown to a person: the code and what happened, then where and mend on lines of their own. */
export function printFault(fault: Fault): string {
  const lines = [`${fault.code}  ${fault.text.what}`];
  if (fault.text.where !== undefined) lines.push(`  where  ${fault.text.where}`);
  if (fault.text.mend !== undefined) lines.push(`  mend   ${fault.text.mend}`);
  return lines.join('\n');
}

/** The name that Node gives to a failed system call ("ENOSPC"), if the error comes from one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
