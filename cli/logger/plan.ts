// What the options of `belfry logger` ask for, checked and turned into values once, before anything is sent.
// Refuses: names that no receiver would understand, and header fields that RFC 5424 has no room for.

import { Fault } from '../../base/fault.ts';
import { suggestion } from '../../base/nearest.ts';
import { parseSize, printSize } from '../../base/units.ts';
import { FACILITY_WORDS, facilityNumber, SEVERITY_WORDS, severityNumber } from '../../syslog/names.ts';
import { MSGID_BYTES_MAX, PROGRAM_BYTES_MAX, SD_NAME_BYTES_MAX } from '../../syslog/print-rfc5424.ts';
import type { StructuredElement } from '../../syslog/structured.ts';

/** The options by the names that the command line gives them. */
export interface LoggerOptions {
  readonly server?: string;
  readonly port?: string;
  readonly tcp?: boolean;
  readonly udp?: boolean;
  readonly socket?: string;
  readonly priority?: string;
  readonly tag?: string;
  /** -i, or --id without a number. */
  readonly ownId?: boolean;
  /** --id=NUMBER */
  readonly id?: string;
  readonly file?: string;
  readonly stderr?: boolean;
  readonly rfc3164?: boolean;
  readonly rfc5424?: boolean;
  /** --rfc5424=notime,notq,nohost */
  readonly without?: string;
  readonly octetCount?: boolean;
  /** --sd-id and --sd-param in the order given. */
  readonly structured?: readonly StructuredWord[];
  readonly msgid?: string;
  readonly skipEmpty?: boolean;
  readonly prioPrefix?: boolean;
  readonly size?: string;
  /** False with --no-act. */
  readonly act?: boolean;
}

export interface StructuredWord {
  readonly kind: 'id' | 'param';
  readonly text: string;
}

export interface LoggerPlan {
  readonly pri: number;
  readonly sizeMax: number;
  readonly form: 'local' | 'rfc3164' | 'rfc5424';
  readonly withTime: boolean;
  readonly withHost: boolean;
  /** Say how good the clock is, in an element of its own (RFC 5424 section 7.1). */
  readonly withTimeQuality: boolean;
  readonly structured: readonly StructuredElement[];
}

/** user.notice, as util-linux has it. */
const PRI_DEFAULT = 13;
/** util-linux's default for --size. */
const SIZE_DEFAULT = 1024;
const SIZE_MAX = 16 * 1024 * 1024;
/** SD-IDs that need no enterprise number: RFC 5424 section 7. */
const REGISTERED_SD_IDS = ['timeQuality', 'origin', 'meta'];
const LEFT_OUT_WORDS = ['notime', 'notq', 'nohost'];
const USER = 1;

export function planLogger(options: LoggerOptions): LoggerPlan {
  const leftOut = readLeftOut(options.without);
  const structured = readStructuredWords(options.structured ?? []);
  const form = formOf(options);
  checkHeader(options, form);
  const withTime = !leftOut.has('notime');
  return {
    pri: options.priority === undefined ? PRI_DEFAULT : readPriority(options.priority),
    sizeMax: options.size === undefined ? SIZE_DEFAULT : readSize(options.size),
    form,
    withTime,
    withHost: !leftOut.has('nohost'),
    withTimeQuality: withTime && !leftOut.has('notq') && structured.every(({ id }) => id !== 'timeQuality'),
    structured,
  };
}

function usage(what: string, mend: string): Fault {
  return new Fault('CLI_USAGE', { what, mend });
}

/** RFC 5424 is the default for a server; a local socket takes the form without a host. */
function formOf(options: LoggerOptions): LoggerPlan['form'] {
  if (options.rfc3164) return 'rfc3164';
  if (options.rfc5424 || options.without !== undefined) return 'rfc5424';
  return options.server === undefined ? 'local' : 'rfc5424';
}

/** `facility.severity`, or a severity alone. The kernel's facility is the kernel's: it becomes user. */
function readPriority(text: string): number {
  const dot = text.indexOf('.');
  const severityWord = dot < 0 ? text : text.slice(dot + 1);
  const facilityWord = dot < 0 ? 'user' : text.slice(0, dot);
  const facility = isName(facilityWord) ? facilityNumber(facilityWord) : undefined;
  const severity = isName(severityWord) ? severityNumber(severityWord) : undefined;
  if (facility === undefined)
    throw usage(
      `"${facilityWord}" is not a facility.`,
      `${suggestion(facilityWord, FACILITY_WORDS)}A priority is facility.severity, as in "local4.err".`,
    );
  if (severity === undefined)
    throw usage(
      `"${severityWord}" is not a severity.`,
      `${suggestion(severityWord, SEVERITY_WORDS)}A priority is facility.severity, as in "local4.err".`,
    );
  return (facility === 0 ? USER : facility) * 8 + severity;
}

function isName(word: string): boolean {
  return !/^\d*$/.test(word);
}

function readSize(text: string): number {
  const size = parseSize(text);
  if (size === undefined || size < 1 || size > SIZE_MAX)
    throw usage(
      `"${text}" is not the size of a message.`,
      `Give bytes or "1KiB", at most ${printSize(SIZE_MAX)}.`,
    );
  return size;
}

function readLeftOut(text: string | undefined): ReadonlySet<string> {
  const words = text === undefined || text === '' ? [] : text.split(',');
  for (const word of words) {
    if (!LEFT_OUT_WORDS.includes(word))
      throw usage(
        `"${word}" cannot follow --rfc5424=.`,
        `${suggestion(word, LEFT_OUT_WORDS)}Known are notime, notq and nohost.`,
      );
  }
  return new Set(words);
}

function checkHeader(options: LoggerOptions, form: LoggerPlan['form']): void {
  const { tag = '', msgid = '', id } = options;
  if (form === 'rfc5424' && Buffer.byteLength(tag) > PROGRAM_BYTES_MAX)
    throw usage(`The tag is longer than ${PROGRAM_BYTES_MAX} bytes.`, 'Shorten it, or use --rfc3164.');
  if (/[^\x21-\x7e]/.test(msgid) || msgid.length > MSGID_BYTES_MAX)
    throw usage(
      `"${msgid}" cannot be a message id.`,
      `It is at most ${MSGID_BYTES_MAX} printable ASCII characters without spaces.`,
    );
  if (id !== undefined && !/^\d{1,10}$/.test(id))
    throw usage(`"${id}" is not an id.`, 'Give a number, as in --id=4711, or --id alone for the process id.');
}

function readStructuredWords(words: readonly StructuredWord[]): StructuredElement[] {
  const elements: { id: string; params: [string, string][] }[] = [];
  for (const { kind, text } of words) {
    if (kind === 'id') elements.push({ id: readSdId(text), params: [] });
    else {
      const element = elements.at(-1);
      if (element === undefined)
        throw usage(
          `No --sd-id stands before --sd-param ${text}.`,
          'Give the id first, then its parameters.',
        );
      element.params.push(readSdParam(text));
    }
  }
  return elements;
}

function readSdId(text: string): string {
  const isOwn = /^[^\s="\]@]+@\d+(?:\.\d+)*$/.test(text) && /^[\x21-\x7e]+$/.test(text);
  if ((isOwn || REGISTERED_SD_IDS.includes(text)) && text.length <= SD_NAME_BYTES_MAX) return text;
  throw usage(
    `"${text}" cannot be the id of structured data.`,
    `It is a name and an enterprise number, as in "zoo@32473", or one of ${REGISTERED_SD_IDS.join(', ')}.`,
  );
}

/** `name="value"`; in the value `"`, `\` and `]` have a backslash before them. */
function readSdParam(text: string): [string, string] {
  const [, name = '', value = ''] = /^([\x21-\x7e]+?)="((?:[^"\\\]]|\\.)*)"$/su.exec(text) ?? [];
  if (name === '' || name.length > SD_NAME_BYTES_MAX || /["\]]/.test(name))
    throw usage(
      `${text} cannot be a parameter of structured data.`,
      'It is name="value"; in the value a backslash stands before each ", \\ and ]. Mind the quotes of the shell.',
    );
  return [name, value.replace(/\\(["\]\\])/g, '$1')];
}
