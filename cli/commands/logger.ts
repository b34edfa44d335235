// `belfry logger`: util-linux's logger by its flags and on the wire, so that scripts need not be changed and a
// machine without it can test its server. One message for the words given, else one for each line of a file
// or of stdin. Refuses: to say that a message was sent when the kernel said that it was not.

import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { EXIT, Fault } from '../../base/fault.ts';
import { WireEncoder, type WireFields } from '../../syslog/print-wire.ts';
import type { StructuredElement } from '../../syslog/structured.ts';
import { type Instant, type ZoneOffset, zoneFor } from '../../syslog/time.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import type { Io } from '../io.ts';
import { type LoggerOptions, type LoggerPlan, planLogger, type StructuredWord } from '../logger/plan.ts';
import { openSender, type Sender } from '../logger/senders.ts';
import { type Piece, piecesOfLines, piecesOfWords } from '../logger/text.ts';

/** What the command touches outside; handed in, so that a test can hold it. */
export interface LoggerIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stderr: (text: string) => void;
  /** Milliseconds since 1970, with their fraction. */
  readonly nowMs: () => number;
  readonly zone: ZoneOffset;
  readonly host: string;
  readonly user: string;
  readonly pid: number;
  /** How good the kernel says that its clock is. */
  readonly clock: () => Promise<ClockQuality | undefined>;
}

interface ClockQuality {
  readonly synchronised: boolean;
  readonly maxErrorSec: number;
}

/** The world of a running command. */
function sendingIo(io: Io): LoggerIo {
  return {
    stdin: io.stdin,
    stderr: (text) => io.stderr(text),
    nowMs: () => performance.timeOrigin + performance.now(),
    zone: zoneFor('local'),
    host: hostname(),
    user: userName(),
    pid: io.pid,
    // Loaded when it is asked for: most of the time of a command goes into loading.
    clock: async () => (await import('../../kernel/clock.ts')).readKernelClock(),
  };
}

/** A user without an entry in the user database is still somebody. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

/** Sends; what could not be sent is a Fault. */
export async function runLogger(
  options: LoggerOptions,
  words: readonly string[],
  io: LoggerIo,
): Promise<number> {
  const plan = planLogger(options);
  if (options.file !== undefined && words.length > 0)
    io.stderr('The words of the message are not sent, since --file is given too.\n');
  const pieces = await openPieces(options, words, io, plan);
  const sender = await openSender(options);
  try {
    await sendAll(pieces, options, io, plan, sender);
  } finally {
    await sender.stop();
  }
  return EXIT.ok;
}

type Pieces = AsyncIterable<Piece> | Iterable<Piece>;

async function openPieces(
  options: LoggerOptions,
  words: readonly string[],
  io: LoggerIo,
  plan: LoggerPlan,
): Promise<Pieces> {
  if (words.length > 0 && options.file === undefined)
    return [...piecesOfWords(words, plan.sizeMax)].map((text) => ({ pri: plan.pri, text }));
  const input = options.file === undefined || options.file === '-' ? io.stdin : await openFile(options.file);
  return piecesOfLines(input, {
    pri: plan.pri,
    sizeMax: plan.sizeMax,
    skipEmpty: options.skipEmpty ?? false,
    prioPrefix: options.prioPrefix ?? false,
  });
}

async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  const stream = createReadStream(path);
  try {
    await once(stream, 'ready');
  } catch (error) {
    throw new Fault('CLI_USAGE', {
      what: `The file cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`,
      where: path,
      mend: 'Give a file that exists and that you may read.',
    });
  }
  return stream;
}

async function sendAll(
  pieces: Pieces,
  options: LoggerOptions,
  io: LoggerIo,
  plan: LoggerPlan,
  sender: Sender,
): Promise<void> {
  const encoder = new WireEncoder(io.zone);
  const says = plan.form === 'rfc5424' && plan.withTimeQuality;
  const structured = says ? [await timeQuality(io), ...plan.structured] : plan.structured;
  for await (const piece of pieces) {
    const message = encode(piece, encoder, options, io, plan, structured);
    if (options.stderr) io.stderr(`${message.toString()}\n`);
    await sender.send(message);
  }
}

function encode(
  piece: Piece,
  encoder: WireEncoder,
  options: LoggerOptions,
  io: LoggerIo,
  plan: LoggerPlan,
  structured: readonly StructuredElement[],
): Buffer {
  const now = instantOf(io.nowMs());
  const procid = options.id ?? (options.ownId ? String(io.pid) : undefined);
  const fields: WireFields = {
    pri: piece.pri,
    program: options.tag ?? io.user,
    message: piece.text,
    ...(procid === undefined ? {} : { procid }),
  };
  if (plan.form === 'local') return encoder.encodeRfc3164(fields, now);
  // RFC 3164 section 4.1.2: the host name without its domain.
  if (plan.form === 'rfc3164')
    return encoder.encodeRfc3164({ ...fields, host: io.host.split('.')[0] ?? '' }, now);
  return encoder.encodeRfc5424({
    ...fields,
    ...(plan.withTime ? { time: now } : {}),
    ...(plan.withHost ? { host: io.host } : {}),
    ...(options.msgid === undefined ? {} : { msgid: options.msgid }),
    structured,
  });
}

/** RFC 5424 section 7.1; the accuracy is in microseconds. */
async function timeQuality(io: LoggerIo): Promise<StructuredElement> {
  const clock = await io.clock();
  const params: [string, string][] = [
    ['tzKnown', '1'],
    ['isSynced', clock?.synchronised ? '1' : '0'],
  ];
  if (clock?.synchronised) params.push(['syncAccuracy', String(Math.round(clock.maxErrorSec * 1e6))]);
  return { id: 'timeQuality', params };
}

/** Whole microseconds: RFC 5424 timestamps hold no more. */
function instantOf(ms: number): Instant {
  const sec = Math.floor(ms / 1000);
  return { sec, nanos: Math.floor((ms - sec * 1000) * 1000) * 1000 };
}

/** The options by the names that commander makes of their flags. */
interface Flags extends Omit<LoggerOptions, 'ownId' | 'id' | 'without' | 'structured'> {
  readonly i?: boolean;
  readonly id?: boolean;
  readonly idValue?: string;
  readonly rfc5424Without?: string;
}

export const loggerCommand: CliCommand = {
  name: 'logger',
  define(program: Command, io: Io, run: Run): void {
    const structured: StructuredWord[] = [];
    const command = program.command('logger');
    describe(command, structured);
    separateOptionalValues(command);
    command.action((words: string[], flags: Flags) =>
      run(() => runLogger(optionsOf(flags, structured), words, sendingIo(io))),
    );
  },
};

/** `structured` receives --sd-id and --sd-param in their order, which commander's own options do not keep. */
function describe(command: Command, structured: StructuredWord[]): void {
  const keep = (kind: StructuredWord['kind']) => (text: string) => structured.push({ kind, text });
  command
    .summary("send messages to a syslog server, with util-linux's flags")
    .description(
      'Sends one message of the given words, or one for each line of a file or of stdin, to a syslog server or, ' +
        "without --server, to the local socket /dev/log. The flags are those of util-linux's logger.",
    )
    .argument('[message...]', 'the words of the message')
    .option('-n, --server <name>', 'write to this syslog server (a name or an address)')
    .option('-P, --port <port>', 'use this port (default: 514)')
    .option('-T, --tcp', 'use TCP')
    .option('-d, --udp', 'use UDP, the default with --server')
    .option('-u, --socket <path>', 'write to this Unix socket')
    .option('-p, --priority <prio>', 'facility.severity (default: user.notice)')
    .option('-t, --tag <tag>', 'the name of the program (default: your user name)')
    .option('-i', 'send the process id')
    .option('--id', 'send the process id; --id=<id> sends that id')
    .option('-f, --file <file>', 'send the lines of this file; "-" is stdin')
    .option('-e, --skip-empty', 'send no empty lines')
    .option('--prio-prefix', 'a line may begin with <PRI>')
    .option('-S, --size <size>', 'the longest message (default: 1KiB)')
    .option('-s, --stderr', 'show each message on stderr too')
    .option('--no-act', 'do everything but send')
    .option('--octet-count', 'put the length before each message (RFC 6587)')
    .option('--rfc3164', 'use the BSD syslog protocol')
    .option(
      '--rfc5424',
      'use the syslog protocol (default with --server); =notime,notq,nohost leaves these out',
    )
    .option('--sd-id <id>', 'begin an element of structured data', keep('id'))
    .option('--sd-param <param>', 'name="value" in that element', keep('param'))
    .option('--msgid <id>', 'the kind of message')
    .addOption(new Option('--id-value <id>').hideHelp())
    .addOption(new Option('--rfc5424-without <parts>').hideHelp())
    .addHelpText(
      'after',
      examples(
        'belfry logger -n 192.0.2.10 -P 5514 "hello"',
        'belfry logger -n loghost -T --octet-count -p local4.err -t backup "disk 3 failed"',
        'belfry logger -n loghost --rfc3164 -f /var/log/app.log',
        `belfry logger -n loghost --sd-id zoo@32473 --sd-param 'tiger="hungry"' "feeding time"`,
        'some-program | belfry logger -n loghost -t some-program -e',
      ),
    );
}

/**
 * As in getopt, only `=` gives an optional value: in `--rfc5424 hello` the word is the message. commander would
 * take it as the value, so the form with `=` becomes an option of its own before commander sees it.
 */
function separateOptionalValues(command: Command): void {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => {
    const end = args.indexOf('--');
    const options = end < 0 ? args : args.slice(0, end);
    const rest = end < 0 ? [] : args.slice(end);
    const separated = options.map((arg) =>
      arg.replace(/^--id=/, '--id-value=').replace(/^--rfc5424=/, '--rfc5424-without='),
    );
    return parse([...separated, ...rest]);
  };
}

function optionsOf(flags: Flags, structured: readonly StructuredWord[]): LoggerOptions {
  const { i, id, idValue, rfc5424Without, ...same } = flags;
  return {
    ...same,
    structured,
    ownId: i === true || id === true,
    ...(idValue === undefined ? {} : { id: idValue }),
    ...(rfc5424Without === undefined ? {} : { without: rfc5424Without }),
  };
}
