// The names of facilities and severities: the words of syslog.conf and of `logger -p`, with the aliases
// that their authors have collected, and one canonical name for each number. Refuses: to guess. A word that
// is not here is undefined, and the caller says which word it was and which one is nearest.
//
// Numbers: RFC 5424 section 6.2.1, tables 1 and 2. Canonical names of 12 to 15: those that rsyslog prints.

export const FACILITY_COUNT = 24;
export const SEVERITY_COUNT = 8;

/** Canonical names by number. */
export const FACILITIES: readonly string[] = [
  ...'kern user mail daemon auth syslog lpr news'.split(' '),
  ...'uucp cron authpriv ftp ntp audit alert clock'.split(' '),
  ...'local0 local1 local2 local3 local4 local5 local6 local7'.split(' '),
];

/** Canonical names by number. */
export const SEVERITIES: readonly string[] = [
  'emerg',
  'alert',
  'crit',
  'err',
  'warning',
  'notice',
  'info',
  'debug',
];

const FACILITY_ALIASES: readonly (readonly [string, number])[] = [
  ['kernel', 0],
  ['security', 4],
  ['logaudit', 13],
  ['console', 14],
  ['logalert', 14],
  ['cron2', 15],
  ['solaris-cron', 15],
];

const SEVERITY_ALIASES: readonly (readonly [string, number])[] = [
  ['panic', 0],
  ['emergency', 0],
  ['critical', 2],
  ['error', 3],
  ['warn', 4],
  ['informational', 6],
];

const FACILITY_NUMBERS = numbersByName(FACILITIES, FACILITY_ALIASES);
const SEVERITY_NUMBERS = numbersByName(SEVERITIES, SEVERITY_ALIASES);

/** All words that are understood, for suggestions. */
export const FACILITY_WORDS: readonly string[] = [...FACILITY_NUMBERS.keys()];
export const SEVERITY_WORDS: readonly string[] = [...SEVERITY_NUMBERS.keys()];

function numbersByName(
  names: readonly string[],
  aliases: readonly (readonly [string, number])[],
): ReadonlyMap<string, number> {
  return new Map([...names.map((name, number): [string, number] => [name, number]), ...aliases]);
}

/** 0 to 23 for a name in any case, an alias or the number itself. */
export function facilityNumber(word: string): number | undefined {
  return FACILITY_NUMBERS.get(word.toLowerCase()) ?? smallNumber(word, FACILITY_COUNT);
}

/** 0 to 7 for a name in any case, an alias or the number itself. */
export function severityNumber(word: string): number | undefined {
  return SEVERITY_NUMBERS.get(word.toLowerCase()) ?? smallNumber(word, SEVERITY_COUNT);
}

function smallNumber(word: string, limit: number): number | undefined {
  return /^\d{1,2}$/.test(word) && Number(word) < limit ? Number(word) : undefined;
}

export function facilityName(pri: number): string {
  return FACILITIES[pri >> 3] ?? String(pri >> 3);
}

export function severityName(pri: number): string {
  return SEVERITIES[pri & 7] as string;
}
