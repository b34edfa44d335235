// `belfry explain`: how a message is read, field by field, and what the rules do with it, one by one: which
// match, which do not and why, and which line goes into which file. Asks the same code as the server, and
// writes nothing.

import { type CompiledRule, compileRules, wordValues } from '../../daemon/route/rules.ts';
import { dateValues, pathOf } from '../../daemon/route/path.ts';
import { factsOf } from '../../daemon/route/decisions.ts';
import { makePeer, type Peer, SERVER_ZONE } from '../../daemon/intake/peers.ts';
import type { HeaderFacts, Test } from '../../daemon/route/matcher.ts';
import type { Command } from 'commander';
import { EXIT, Fault, printFault } from '../../base/fault.ts';
import { parseAddress } from '../../base/ip.ts';
import { loadServerConfig } from '../../config/load.ts';
import type { ServerConfig } from '../../config/server.ts';
import { FACILITIES, SEVERITIES } from '../../syslog/names.ts';
import { parseMessage } from '../../syslog/parse.ts';
import { LinePrinter, worstCase } from '../../syslog/print.ts';
import { FORMATS, LogRecord, NO_ZONE, TIME, TROUBLE, TROUBLES } from '../../syslog/record.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { resolveTime, zoneFor } from '../../syslog/time.ts';
import { type CliCommand, examples, type Run, SERVER_CONFIG } from '../command.ts';
import type { Io } from '../io.ts';
import { plainText } from '../table.ts';

interface Options {
  readonly config: string;
  readonly from: string;
  readonly certName?: string;
  readonly json?: boolean;
}

type FieldValue = string | number | null;

/** What one rule does with the message. */
export interface RuleVerdict {
  readonly rule: string;
  readonly where: string;
  readonly verdict: 'matches' | 'does not match' | 'not reached';
  /** Each key of the rule's match, whether it holds, and what it was held against. */
  readonly keys: readonly {
    readonly key: string;
    readonly wants: string;
    readonly has: string;
    readonly holds: boolean;
  }[];
  readonly file: string | null;
  /** Another rule has already written the same file. */
  readonly alreadyWritten: boolean;
  readonly line: string | null;
  readonly discards: boolean;
  readonly stops: boolean;
}

export interface Explanation {
  readonly message: string;
  readonly from: string;
  readonly allowed: boolean;
  readonly format: string;
  readonly trouble: string | null;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly rules: readonly RuleVerdict[];
}

/** What is held against a key of `match`. */
function valueFor(test: Test, facts: HeaderFacts, message: string, from: string): string {
  switch (test.key) {
    case 'fromHostIp':
      return from;
    case 'certName':
      return facts.certName ?? 'no certificate';
    case 'host':
      return facts.host;
    case 'program':
      return facts.program === '' ? 'no program' : facts.program;
    case 'select':
      return `${FACILITIES[facts.pri >> 3]}.${SEVERITIES[facts.pri & 7]}`;
    default:
      return message;
  }
}

class Explainer {
  readonly #config: ServerConfig;
  readonly #peer: Peer;
  readonly #record = new LogRecord();
  readonly #receivedMs: number;
  readonly #printer = new LinePrinter(zoneFor(SERVER_ZONE), 'udp');

  constructor(config: ServerConfig, peer: Peer, receivedMs: number) {
    this.#config = config;
    this.#peer = peer;
    this.#receivedMs = receivedMs;
  }

  explain(bytes: Buffer): Explanation {
    const record = this.#record;
    parseMessage(record, bytes, 0, bytes.length);
    return {
      message: bytes.toString('utf8'),
      from: this.#peer.name,
      allowed: this.#peer.allowed,
      format: FORMATS[record.format] ?? '',
      trouble: record.trouble === TROUBLE.none ? null : (TROUBLES[record.trouble] ?? null),
      fields: this.#fields(),
      rules: this.#verdicts(),
    };
  }

  #text(start: number, end: number): string | null {
    return start < 0 ? null : Buffer.from(this.#record.bytes).toString('utf8', start, end);
  }

  #fields(): Record<string, FieldValue> {
    const record = this.#record;
    const host = this.#text(record.hostStart, record.hostEnd);
    return {
      pri: record.pri,
      facility: FACILITIES[record.pri >> 3] ?? null,
      severity: SEVERITIES[record.pri & 7] ?? null,
      version: record.version === 0 ? null : record.version,
      time: this.#time(),
      timeAsSent: this.#text(record.timeStart, record.timeEnd),
      host: host ?? `${this.#peer.name} (the sender's address)`,
      program: this.#text(record.programStart, record.programEnd),
      procid: this.#text(record.procidStart, record.procidEnd),
      msgid: this.#text(record.msgidStart, record.msgidEnd),
      structuredData: this.#text(record.sdStart, record.sdEnd),
      message: this.#text(record.msgStart, record.msgEnd),
    };
  }

  #time(): string {
    const record = this.#record;
    const instant = { sec: 0, nanos: 0 };
    if (!resolveTime(record, this.#receivedMs, this.#peer.zone, instant)) {
      return `${new Date(this.#receivedMs).toISOString()} (the time of receipt: the message names none)`;
    }
    const guesses = [
      ...(record.timeKind === TIME.calendar && record.year === 0 ? ['year is the nearest'] : []),
      ...(record.timeKind === TIME.calendar && record.zoneMin === NO_ZONE ? ["zone is the sender's"] : []),
      ...(record.timeDoubtful ? ['its device says that its clock is not to be trusted'] : []),
    ];
    const text = new Date(instant.sec * 1000 + Math.floor(instant.nanos / 1e6)).toISOString();
    return guesses.length === 0 ? text : `${text} (${guesses.join('; ')})`;
  }

  #verdicts(): RuleVerdict[] {
    const facts = factsOf(this.#record, this.#peer);
    const written = new Set<string>();
    let isOver = false;
    return compileRules(this.#config.rules).rules.map((rule) => {
      const verdict = this.#verdict(rule, facts, isOver, written);
      if (verdict.verdict === 'matches' && verdict.stops) isOver = true;
      return verdict;
    });
  }

  #verdict(compiled: CompiledRule, facts: HeaderFacts, isOver: boolean, written: Set<string>): RuleVerdict {
    const { rule, tests } = compiled;
    const message = this.#text(this.#record.msgStart, this.#record.msgEnd) ?? '';
    const keys = tests.map((test) => ({
      key: test.key,
      wants: test.wants,
      has: valueFor(test, facts, message, this.#peer.name),
      holds: test.kind === 'header' ? test.holds(facts) : test.holds(this.#record),
    }));
    const matches = !isOver && keys.every(({ holds }) => holds);
    const path =
      matches && rule.file ? pathOf(rule.file, wordValues(facts, dateValues(this.#receivedMs))) : null;
    const alreadyWritten = path !== null && written.has(path);
    if (path !== null) written.add(path);
    return {
      rule: rule.name,
      where: `${rule.place.file}, line ${rule.place.line}`,
      verdict: isOver ? 'not reached' : matches ? 'matches' : 'does not match',
      keys,
      file: path,
      alreadyWritten,
      line: path === null || !rule.file || alreadyWritten ? null : this.#line(rule.file.format),
      discards: matches && rule.discard,
      stops: rule.stop,
    };
  }

  #line(format: Parameters<LinePrinter['print']>[0]): string {
    const out = Buffer.alloc(worstCase(format, this.#record, this.#peer) + 1);
    const end = this.#printer.print(format, this.#record, this.#peer, this.#receivedMs, out, 0, false);
    return out.toString('utf8', 0, end - 1);
  }
}

const VALUE_SHOWN_MAX = 60;

function short(text: string): string {
  const plain = plainText(text);
  return plain.length <= VALUE_SHOWN_MAX ? plain : `${plain.slice(0, VALUE_SHOWN_MAX)}…`;
}

function printVerdict(verdict: RuleVerdict): string[] {
  const { keys, file, line } = verdict;
  const lines = [
    `  ${verdict.verdict === 'matches' ? '+' : '-'} ${verdict.rule}: ${verdict.verdict}   (${verdict.where})`,
  ];
  if (verdict.verdict === 'not reached') return lines;
  if (keys.length === 0) lines.push('      it has no "match": it takes every message');
  for (const { key, wants, has, holds } of keys) {
    lines.push(`      ${holds ? 'yes' : 'no '}  ${key} wants ${wants}; the message has ${short(has)}`);
  }
  if (verdict.alreadyWritten)
    lines.push(`      file  ${file} (an earlier rule has written it there already)`);
  else if (file !== null)
    lines.push(`      file  ${plainText(file)}`, `      line  ${plainText(line ?? '')}`);
  if (verdict.discards) lines.push('      it is thrown away: no rule below is asked');
  else if (verdict.verdict === 'matches' && verdict.stops) lines.push('      stop: no rule below is asked');
  return lines;
}

export function printExplanation(explanation: Explanation): string {
  const { fields, rules, format, trouble, from, allowed } = explanation;
  const understood =
    trouble === null ? `read as ${format}` : `kept whole, not understood (${trouble.replaceAll('_', ' ')})`;
  const files = new Set(rules.flatMap(({ file }) => (file === null ? [] : [file])));
  const discarded = rules.some(({ discards }) => discards);
  const end = discarded && files.size === 0 ? 'A rule throws it away.' : 'No rule wants it: it goes nowhere.';
  const lines = [
    `From ${from}${allowed ? '' : ', which is NOT in syslog.allow: the server would refuse it'}; ${understood}.`,
    '',
    ...Object.entries(fields)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => `  ${name.padEnd(15)} ${plainText(String(value))}`),
    '',
    'Rules:',
    ...rules.flatMap(printVerdict),
    '',
    files.size === 0 ? end : `It goes into ${[...files].map(plainText).join(' and ')}.`,
  ];
  return `${lines.join('\n')}\n`;
}

async function readAll(io: Io): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of io.stdin) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
}

/** From stdin: one message a line. */
function messagesOf(input: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let start = 0;
  while (start < input.length) {
    const lf = input.indexOf(10, start);
    const end = lf < 0 ? input.length : lf;
    if (end > start) messages.push(input.subarray(start, end));
    start = end + 1;
  }
  return messages;
}

async function runExplain(words: readonly string[], options: Options, io: Io): Promise<number> {
  const { config, faults } = loadServerConfig(options.config, {
    checkSelector: compileSelector,
    checkFiles: false,
  });
  if (config === undefined) {
    io.stderr(`${faults.map(printFault).join('\n\n')}\n`);
    return faults[0]?.exit ?? EXIT.config;
  }
  const address = parseAddress(options.from);
  if (!address) {
    throw new Fault('CLI_USAGE', {
      what: `"${options.from}" is not an IP address.`,
      where: '--from',
      mend: 'Give the address that the message would come from, such as --from 172.31.101.79.',
    });
  }
  const messages = words.length > 0 ? [Buffer.from(words.join(' '))] : messagesOf(await readAll(io));
  const explainer = new Explainer(config, makePeer(1, address, config.syslog, options.certName), Date.now());
  for (const message of messages) {
    const explanation = explainer.explain(message);
    io.stdout(
      options.json
        ? `${JSON.stringify(explanation)}\n`
        : `${printExplanation(explanation)}${messages.length > 1 ? '\n' : ''}`,
    );
  }
  return messages.length > 0 ? EXIT.ok : EXIT.nothing;
}

export const explainCommand: CliCommand = {
  name: 'explain',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('explain')
      .summary('how a message is read, and what each rule does with it')
      .description(
        'Shows how a message is read, field by field, and what happens to it, rule by rule. Without MESSAGE it reads one message a line from standard input. Nothing is written.',
      )
      .argument(
        '[message...]',
        'the message as it is on the wire, such as "<13>Nov 20 12:34:15 web1 nginx: hello"',
      )
      .option('-c, --config <file>', 'configuration of the server', SERVER_CONFIG)
      .option('--from <address>', 'the address that it comes from', '127.0.0.1')
      .option('--cert-name <name>', 'the name of the certificate that the sender shows (TLS)')
      .option('--json', 'print one JSON object for each message')
      .addHelpText(
        'after',
        examples(
          'belfry explain -c config/examples/local.json "<38>Nov 20 12:34:15 web1 sshd[42]: Accepted publickey"',
          'belfry explain --from 172.31.101.79 "<13>Nov 20 12:34:15 mhenimerz2c cloud_user: this is a test"',
          'head -n 3 captured.txt | belfry explain --json',
        ),
      )
      .action((words: string[], options: Options) => run(() => runExplain(words, options, io)));
  },
};
