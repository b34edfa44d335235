// One line of a log file that holds an event: which host told it, and what. Reads every format that the server writes
// (docs/formats: traditional, iso, rfc5424, json, raw), and BSD lines that a relay passed on. Promises: a text that a
// program other than Belfry logged is no event, whatever it says; no line throws.
// Refuses: the time in front of a line. The sentence has a better one.

import { readSentence, type ToldEvent } from '../events/read-sentence.ts';
import { type Gap, readGapMark, readWatch, type Watch } from '../events/watch.ts';

export interface Report {
  /** As the line names it. */
  readonly host: string;
  readonly event: ToldEvent;
}

/** A host says that it watches its connections from now on, or no more. */
export interface WatchReport {
  readonly host: string;
  readonly watch: Watch;
}

/** A host says what it cannot have told. */
export interface GapReport {
  readonly host: string;
  readonly gap: Gap;
}

/** APP-NAME of the agent's messages. */
const PROGRAM = 'belfry';

interface Parts {
  readonly host: string;
  readonly program: string;
  readonly text: string;
}

export function readReport(line: string): Report | WatchReport | GapReport | undefined {
  const parts = readParts(line);
  if (parts?.program !== PROGRAM) return undefined;
  const { host, text } = parts;
  const event = readSentence(text);
  if (event) return { host, event };
  const watch = readWatch(text);
  if (watch) return { host, watch };
  const gap = readGapMark(text);
  return gap && { host, gap };
}

function readParts(line: string): Parts | undefined {
  if (line.startsWith('{')) return readJson(line);
  if (!line.startsWith('<')) return readTagged(line);
  const pri = /^<\d{1,3}>/.exec(line)?.[0];
  if (pri === undefined) return undefined;
  return readRfc5424(line.slice(pri.length)) ?? readTagged(line.slice(pri.length));
}

/** `Nov 20 12:34:15 host program[1]: text`, `2026-11-20T12:34:15.123456+01:00 host program[1]: text` */
const TAGGED =
  /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) (\S+) ([^\s[:]+)(?:\[[^\]]*\])?: (.*)$/su;

function readTagged(line: string): Parts | undefined {
  const found = TAGGED.exec(line);
  return found ? { host: found[1] ?? '', program: found[2] ?? '', text: found[3] ?? '' } : undefined;
}

/** `1 time host program procid msgid [id name="value"] text`, behind the PRI. */
const HEADER = /^1 \S+ (\S+) (\S+) \S+ \S+ (?=[[-])/;
const STRUCTURED = /(?:\[[^\s=\]"]+(?: [^\s=\]"]+="(?:[^"\\\]]|\\.)*")*\])+|-/suy;

function readRfc5424(line: string): Parts | undefined {
  const found = HEADER.exec(line);
  if (!found) return undefined;
  STRUCTURED.lastIndex = found[0].length;
  const structured = STRUCTURED.exec(line);
  if (!structured) return undefined;
  const text = line.slice(found[0].length + structured[0].length);
  if (!text.startsWith(' ')) return undefined;
  return { host: found[1] ?? '', program: found[2] ?? '', text: text.slice(1).replace(/^\ufeff/, '') };
}

function readJson(line: string): Parts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { host, program, message } = value as Record<string, unknown>;
  if (typeof program !== 'string' || typeof message !== 'string') return undefined;
  return { host: typeof host === 'string' ? host : '', program, text: message.replace(/^\ufeff/, '') };
}
