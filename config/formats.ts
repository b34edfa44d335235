// The values that are written as text and mean something: sizes, spans, addresses, modes, templates. Each
// `format` of the schema has its check here; config/resolve.ts turns the same text into the value. A check
// says what is wrong and how it should look; it never repairs.

import { suggestion } from '../base/nearest.ts';
import { parseSize, parseSpan } from '../base/units.ts';
import type { Accounts } from './accounts.ts';
import {
  checkHttpListen,
  checkListen,
  checkNtpListen,
  checkRange,
  checkZoneSender,
} from './address-formats.ts';
import {
  checkAgentListen,
  checkAppName,
  checkFileGlob,
  checkHostName,
  checkJournalMatch,
  checkQueueName,
} from './agent-formats.ts';
import { type FormatProblem, NO_PROBLEM, problem } from './problem.ts';
import type { Pattern } from './server.ts';
import { checkTarget } from './target.ts';
import { checkInterface, checkRecordWord, checkTrafficFilter } from './traffic-formats.ts';
import { hasControl, parseTemplate } from './template.ts';

export interface TextFormat {
  /** What a value of this kind is, for the fault of a wrong type and for the docs. */
  readonly shape: string;
  readonly check: (text: string) => readonly FormatProblem[];
}

/** `compileSelector` of syslog/selector.ts fits; config/ may not import it, so it is handed in. */
export type SelectorCheck = (
  text: string,
) =>
  | { readonly ok: true }
  | { readonly ok: false; readonly at: number; readonly what: string; readonly mend: string };

/** `parseFilter` of traffic/filter/parse.ts, made to fit: what is wrong with a filter, and where in the text, from 0. */
export type FilterCheck = (
  text: string,
) => { readonly at: number; readonly what: string; readonly mend: string } | undefined;

export type Formats = Readonly<Record<FormatName, TextFormat>>;

export function makeFormats(
  accounts: Accounts,
  checkSelector: SelectorCheck,
  checkFilter: FilterCheck = () => undefined,
) {
  return {
    size: { shape: 'a size', check: checkSize },
    span: { shape: 'a span of time', check: checkSpan },
    range: { shape: 'an IP address or CIDR range', check: checkRange },
    'zone-sender': { shape: 'an IP address or CIDR range', check: checkZoneSender },
    listen: { shape: 'an address to listen on', check: checkListen },
    'http-listen': { shape: 'an IP address and port', check: checkHttpListen },
    'ntp-listen': { shape: 'an IP address and port', check: checkNtpListen },
    'file-mode': { shape: 'an octal mode', check: (text) => checkMode(text, FILE_MODE_NEEDS) },
    'directory-mode': { shape: 'an octal mode', check: (text) => checkMode(text, DIRECTORY_MODE_NEEDS) },
    user: { shape: 'a user', check: (text) => checkAccount(text, 'user', '/etc/passwd', accounts.users) },
    group: { shape: 'a group', check: (text) => checkAccount(text, 'group', '/etc/group', accounts.groups) },
    zone: { shape: 'a time zone', check: checkZone },
    'file-template': { shape: 'a file path', check: checkTemplate },
    selector: { shape: 'a selector', check: (text) => checkSelectorText(text, checkSelector) },
    regex: { shape: 'a regular expression', check: checkRegex },
    glob: { shape: 'a pattern', check: checkGlob },
    'plain-text': { shape: 'text', check: checkPlainText },
    path: { shape: 'a path', check: checkPath },
    include: { shape: 'a path or pattern', check: checkInclude },
    'agent-listen': { shape: 'an address to listen on', check: checkAgentListen },
    target: { shape: 'the address of a server', check: checkTarget },
    'file-glob': {
      shape: 'a path or pattern',
      check: (text) => firstOf(checkPath(text), checkGlob(text), checkFileGlob(text)),
    },
    'journal-match': { shape: 'a match of journalctl', check: checkJournalMatch },
    'app-name': { shape: 'the name of a program', check: checkAppName },
    'host-name': { shape: 'the name of a host', check: checkHostName },
    'queue-name': { shape: 'a name', check: checkQueueName },
    interface: { shape: 'the name of an interface', check: checkInterface },
    'traffic-filter': { shape: 'a filter', check: (text) => checkTrafficFilter(text, checkFilter) },
    'record-word': { shape: 'a word', check: checkRecordWord },
  } as const satisfies Record<string, TextFormat>;
}

export type FormatName = keyof ReturnType<typeof makeFormats>;

/** What is wrong first; the rest would only repeat it. */
function firstOf(...found: readonly (readonly FormatProblem[])[]): readonly FormatProblem[] {
  return found.find((problems) => problems.length > 0) ?? NO_PROBLEM;
}

function checkSize(text: string): readonly FormatProblem[] {
  if (parseSize(text) !== undefined) return NO_PROBLEM;
  return problem(
    'CONFIG_BAD_VALUE',
    `"${text}" is not a size.`,
    'Write a number and B, KiB, MiB or GiB, such as "64KiB".',
  );
}

function checkSpan(text: string): readonly FormatProblem[] {
  if (parseSpan(text) !== undefined) return NO_PROBLEM;
  const mend = 'Write numbers with ms, s, min, h, d or w, such as "30s" or "1h30min".';
  return problem('CONFIG_BAD_VALUE', `"${text}" is not a span of time.`, mend);
}

/** Belfry itself must be able to write the file again, and to make and reach files in the directory. */
const FILE_MODE_NEEDS = 0o200;
const DIRECTORY_MODE_NEEDS = 0o300;

export function parseMode(text: string): number | undefined {
  return /^[0-7]{3,4}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function checkMode(text: string, needs: number): readonly FormatProblem[] {
  const mode = parseMode(text);
  const example = needs === FILE_MODE_NEEDS ? '"0640"' : '"0750"';
  if (mode === undefined)
    return problem(
      'CONFIG_BAD_VALUE',
      `"${text}" is not a mode.`,
      `Write three or four octal digits, such as ${example}.`,
    );
  if ((mode & needs) === needs) return NO_PROBLEM;
  return problem(
    'CONFIG_BAD_VALUE',
    `With mode "${text}" the owner could not write.`,
    `Give the owner that right, such as ${example}.`,
  );
}

function checkAccount(
  text: string,
  kind: string,
  file: string,
  known: ReadonlyMap<string, number>,
): readonly FormatProblem[] {
  if (known.has(text)) return NO_PROBLEM;
  const mend = `${suggestion(text, [...known.keys()])}A ${kind} that is not in ${file} can be given as a number.`;
  return problem('CONFIG_BAD_VALUE', `There is no ${kind} "${text}" in ${file}.`, mend);
}

/** As RFC 3339 writes an offset; the largest in use is +14:00. */
const OFFSET = /^[+-](0\d|1[0-4]):[0-5]\d$/;

function isZone(text: string): boolean {
  if (text === 'local' || OFFSET.test(text)) return true;
  if (/^[+-]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function checkZone(text: string): readonly FormatProblem[] {
  if (isZone(text)) return NO_PROBLEM;
  const mend = `${suggestion(text, Intl.supportedValuesOf('timeZone'))}Write "local", a name such as "Europe/Berlin", or an offset such as "+02:00".`;
  return problem('CONFIG_BAD_VALUE', `"${text}" is not a time zone.`, mend);
}

function checkTemplate(text: string): readonly FormatProblem[] {
  return parseTemplate(text).problems.map((found) => ({ code: 'CONFIG_BAD_TEMPLATE', ...found }));
}

function checkSelectorText(text: string, checkSelector: SelectorCheck): readonly FormatProblem[] {
  const result = checkSelector(text);
  if (result.ok) return NO_PROBLEM;
  return problem('CONFIG_BAD_SELECTOR', result.what, result.mend);
}

/** `(?i)` in front: letters i, s and m as in JavaScript. */
export function splitPattern(text: string): Pattern {
  const [lead = '', flags = ''] = /^\(\?([ism]+)\)/.exec(text) ?? [];
  return { source: text.slice(lead.length), flags: [...new Set(flags)].join('') };
}

function checkRegex(text: string): readonly FormatProblem[] {
  const { source, flags } = splitPattern(text);
  if (source === '')
    return problem(
      'CONFIG_BAD_REGEX',
      'The regular expression is empty.',
      'Leave out "regex" to match every text.',
    );
  try {
    new RegExp(source, flags);
    return NO_PROBLEM;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*\/[a-z]*: /s, '') : String(error);
    const mend = 'It is a JavaScript regular expression; to look for plain text, use "contains".';
    return problem('CONFIG_BAD_REGEX', `The regular expression "${text}" does not compile: ${reason}.`, mend);
  }
}

function checkPlainText(text: string): readonly FormatProblem[] {
  if (text === '')
    return problem('CONFIG_BAD_VALUE', 'The text is empty.', 'Write some text, or leave out the key.');
  if (!hasControl(text)) return NO_PROBLEM;
  return problem('CONFIG_BAD_VALUE', 'The text holds a control character.', 'Remove it.');
}

/** A set whose range runs backwards, such as [z-a], cannot be matched. */
function checkGlob(text: string): readonly FormatProblem[] {
  for (const [set, , members = ''] of text.matchAll(/\[(!?)([^\]]+)\]/g)) {
    const backwards = /(.)-(.)/gs;
    for (const [range, from = '', to = ''] of members.matchAll(backwards)) {
      if (from <= to) continue;
      return problem(
        'CONFIG_BAD_VALUE',
        `The range "${range}" in the set "${set}" runs backwards.`,
        `Write "${to}-${from}".`,
      );
    }
  }
  return checkPlainText(text);
}

function checkPath(text: string): readonly FormatProblem[] {
  if (/[{}]/.test(text)) {
    return problem(
      'CONFIG_BAD_TEMPLATE',
      `"${text}" holds a brace.`,
      'Words such as {host} stand in the "file" of a rule only.',
    );
  }
  return checkPlainText(text);
}

function checkInclude(text: string): readonly FormatProblem[] {
  const directory = text.slice(0, text.lastIndexOf('/') + 1);
  if (/[*?]/.test(directory)) {
    const mend = 'Write each directory as an entry of its own, such as "conf.d/*.json".';
    return problem(
      'CONFIG_BAD_VALUE',
      `"${text}" has a "*" or "?" in a directory; they stand in the last part only.`,
      mend,
    );
  }
  if (text.endsWith('/'))
    return problem('CONFIG_BAD_VALUE', `"${text}" is a directory.`, `Write "${text}*.json".`);
  return checkPlainText(text);
}
