// The log of both programs, on standard error. pino makes the lines; for a person or the journal they are
// printed as sentences with their facts behind them, for a collector as JSON. Under systemd each line starts
// with its priority (sd-daemon(3)), which journalctl shows and filters by.

import { pino } from 'pino';
import { type Fault, printFault } from './fault.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type LogForm = 'text' | 'journal' | 'json';

/** Facts behind a sentence. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(sentence: string, facts?: Facts): void;
  info(sentence: string, facts?: Facts): void;
  warn(sentence: string, facts?: Facts): void;
  error(sentence: string, facts?: Facts): void;
  fault(fault: Fault): void;
  setLevel(level: LogLevel): void;
}

/** Severity numbers of RFC 5424, by pino's level numbers. */
const JOURNAL_PRIORITY: Readonly<Record<number, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };
const LEVEL_WORD: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** What pino adds to each line and a person does not need twice. */
const OWN_KEYS = new Set(['level', 'time', 'msg']);

function printFacts(line: Readonly<Record<string, unknown>>): string {
  return Object.entries(line)
    .filter(([key, value]) => !OWN_KEYS.has(key) && value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
    )
    .join('');
}

/** One JSON line of pino's as a person reads it. */
export function printLogLine(json: string, form: 'text' | 'journal'): string {
  const line = JSON.parse(json) as { level: number; time: number; msg: string } & Record<string, unknown>;
  const text = `${line.msg}${printFacts(line)}`;
  if (form === 'text') {
    const time = new Date(line.time).toISOString();
    return `${time} ${(LEVEL_WORD[line.level] ?? '').padEnd(5)} ${text}\n`;
  }
  const mark = `<${JOURNAL_PRIORITY[line.level] ?? 6}>`;
  return `${text
    .split('\n')
    .map((part) => `${mark}${part}`)
    .join('\n')}\n`;
}

export function openLog(level: LogLevel, form: LogForm, write: (text: string) => void): Log {
  const sink = { write: (json: string) => write(form === 'json' ? json : printLogLine(json, form)) };
  const logger = pino({ level, base: null, messageKey: 'msg' }, sink);
  return {
    debug: (sentence, facts) => logger.debug(facts ?? {}, sentence),
    info: (sentence, facts) => logger.info(facts ?? {}, sentence),
    warn: (sentence, facts) => logger.warn(facts ?? {}, sentence),
    error: (sentence, facts) => logger.error(facts ?? {}, sentence),
    fault: (fault) =>
      logger.error(form === 'json' ? { code: fault.code, ...fault.text } : {}, printFault(fault)),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}
