// `belfry logger` as util-linux's logger: what is on the wire for each flag, and what is refused. Receivers are
// sockets of this test on the loopback; the real logger, where there is one, is the witness.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { Command } from 'commander';
import { Fault } from '../../../base/fault.ts';
import { type LoggerIo, loggerCommand, runLogger } from '../../../cli/commands/logger.ts';
import type { Io } from '../../../cli/io.ts';
import type { LoggerOptions } from '../../../cli/logger/plan.ts';
import { zoneFor } from '../../../syslog/time.ts';

const AT_MS = Date.UTC(2025, 10, 20, 12, 34, 15) + 678.25;

/** What the kernel says of its clock in these tests. */
let clock: { synchronised: boolean; maxErrorSec: number } | undefined;

function world(stdin = '', chunk = 1000): LoggerIo & { readonly shown: string[] } {
  const bytes = Buffer.from(stdin, 'latin1');
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunk) chunks.push(bytes.subarray(at, at + chunk));
  const shown: string[] = [];
  return {
    stdin: Readable.from(chunks),
    stderr: (text) => void shown.push(text),
    nowMs: () => AT_MS,
    zone: zoneFor('+01:00'),
    host: 'web-1.example.org',
    user: 'ann',
    pid: 4711,
    clock: async () => clock,
    shown,
  };
}

/** What --no-act --stderr shows: all that would be sent. */
async function shown(
  options: LoggerOptions,
  words: readonly string[],
  stdin = '',
  chunk = 1000,
): Promise<string[]> {
  const io = world(stdin, chunk);
  assert.equal(await runLogger({ ...options, act: false, stderr: true }, words, io), 0);
  return io.shown.map((line) => line.replace(/\n$/, ''));
}

async function refused(options: LoggerOptions, words: readonly string[] = ['x']): Promise<Fault> {
  try {
    await runLogger({ act: false, ...options }, words, world());
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error;
  }
  return assert.fail(`${JSON.stringify(options)} is not refused`);
}

const STAMP = '2025-11-20T13:34:15.678250+01:00';
const QUALITY = '[timeQuality tzKnown="1" isSynced="0"]';

test('the form is RFC 5424 for a server, and the one without host for a local socket', async () => {
  assert.deepEqual(await shown({ server: 'h' }, ['hello', 'world']), [
    `<13>1 ${STAMP} web-1.example.org ann - - ${QUALITY} hello world`,
  ]);
  assert.deepEqual(await shown({}, ['hello']), ['<13>Nov 20 13:34:15 ann: hello']);
  assert.deepEqual(await shown({ rfc5424: true, without: 'notq' }, ['hello']), [
    `<13>1 ${STAMP} web-1.example.org ann - - - hello`,
  ]);
});

test('RFC 3164 has the host without its domain, and the id in the tag', async () => {
  assert.deepEqual(await shown({ server: 'h', rfc3164: true, tag: 'job', ownId: true }, ['hello']), [
    '<13>Nov 20 13:34:15 web-1 job[4711]: hello',
  ]);
  assert.deepEqual(await shown({ rfc3164: true, id: '7' }, ['hello']), [
    '<13>Nov 20 13:34:15 web-1 ann[7]: hello',
  ]);
});

test('the parts of RFC 5424: left out on request, msgid, id, structured data', async () => {
  assert.deepEqual(await shown({ server: 'h', without: 'notime' }, ['x']), [
    '<13>1 - web-1.example.org ann - - - x',
  ]);
  assert.deepEqual(await shown({ server: 'h', without: 'notime,nohost,notq' }, ['x']), [
    '<13>1 - - ann - - - x',
  ]);
  const structured = [
    { kind: 'id', text: 'x@1' },
    { kind: 'param', text: 'a="1"' },
    { kind: 'param', text: 'b="\\"\\]"' },
    { kind: 'id', text: 'origin' },
    { kind: 'param', text: 'c="é"' },
  ] as const;
  const options = { server: 'h', msgid: 'M1', id: '9', tag: 'tg', priority: 'local4.err', structured };
  assert.deepEqual(await shown(options, ['x']), [
    `<163>1 ${STAMP} web-1.example.org tg 9 M1 ${QUALITY}[x@1 a="1" b="\\"\\]"][origin c="é"] x`,
  ]);
});

test('the quality of the time is what the kernel says of its clock', async () => {
  const said = async () => /\[.*\]/.exec((await shown({ rfc5424: true }, ['x']))[0] ?? '')?.[0];
  try {
    assert.equal(await said(), QUALITY);
    clock = { synchronised: false, maxErrorSec: 16 };
    assert.equal(await said(), QUALITY);
    clock = { synchronised: true, maxErrorSec: 0.012_345 };
    assert.equal(await said(), '[timeQuality tzKnown="1" isSynced="1" syncAccuracy="12345"]');
    const structured = [{ kind: 'id', text: 'timeQuality' }] as const;
    assert.match((await shown({ rfc5424: true, structured }, ['x']))[0] ?? '', / \[timeQuality\] x$/);
  } finally {
    clock = undefined;
  }
});

test('priorities by name, in any case; the kernel is not ours to speak for', async () => {
  const pri = async (priority: string) => /^<\d+>/.exec((await shown({ priority }, ['x']))[0] ?? '')?.[0];
  assert.equal(await pri('err'), '<11>');
  assert.equal(await pri('local7.WARN'), '<188>');
  assert.equal(await pri('security.panic'), '<32>');
  assert.equal(await pri('kern.debug'), '<15>');
  assert.match((await refused({ priority: 'local9.err' })).text.what, /"local9" is not a facility/);
  assert.match((await refused({ priority: 'mail.inof' })).text.mend ?? '', /info/);
  for (const priority of ['14', 'mail.', '.err', 'mail.6', '2.err']) await refused({ priority });
});

test('stdin: one message a line, whatever the chunks', async () => {
  for (const chunk of [1, 2, 1000]) {
    assert.deepEqual(
      (await shown({}, [], 'one\n\ntwo\n<11>three\nlast', chunk)).map((line) => line.slice(25)),
      ['one', '', 'two', '<11>three', 'last'],
    );
    assert.deepEqual(
      (await shown({ skipEmpty: true }, [], '\none\n\n', chunk)).map((line) => line.slice(25)),
      ['one'],
    );
    const lines = await shown(
      { prioPrefix: true, priority: 'mail.info', skipEmpty: true },
      [],
      'a\n<11>b\nc\n<3>d\n<191>e\n<192>f\n<x>g\n<12>\n< 1>h',
      chunk,
    );
    assert.deepEqual(
      lines.map((line) => line.replace(/Nov.*ann: /, '')),
      ['<22>a', '<11>b', '<22>c', '<19>d', '<191>e', '<22><192>f', '<22><x>g', '<22>< 1>h'],
    );
  }
});

test('messages of a size: lines go on in the next piece, typed words are cut', async () => {
  const texts = async (size: string, words: string[], stdin = '', chunk = 1000) =>
    (await shown({ size }, words, stdin, chunk)).map((line) => line.slice(25));
  for (const chunk of [1, 3, 1000]) {
    assert.deepEqual(await texts('4', [], 'longline beyond\nabcd\nx\n', chunk), [
      'long',
      'line',
      ' bey',
      'ond',
      'abcd',
      'x',
    ]);
  }
  const later = await shown({ size: '4', prioPrefix: true }, [], 'abcd<11>x\n<11>y\n');
  assert.deepEqual(
    later.map((line) => line.replace(/Nov.*ann: /, '')),
    ['<13>abcd', '<13><11>', '<13>x', '<11>y'],
  );
  assert.deepEqual(await texts('8', ['hello world long']), ['hello wo']);
  assert.deepEqual(await texts('9', ['hello', 'abc', 'de', 'f']), ['hello abc', 'de f']);
  assert.deepEqual(await texts('1KiB', ['x'.repeat(1500)]), ['x'.repeat(1024)]);
  assert.deepEqual(await texts('5', ['ééé']), ['éé'], 'no character is torn');
  assert.deepEqual(await texts('5', ['']), []);
});

test('a file is read as stdin is, and goes before words', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-logger-'));
  try {
    const file = join(folder, 'app.log');
    writeFileSync(file, 'from the file\n');
    const lines = await shown({ file }, ['words']);
    assert.match(lines[0] ?? '', /words of the message are not sent/);
    assert.deepEqual(lines.slice(1), ['<13>Nov 20 13:34:15 ann: from the file']);
    const absent = await refused({ file: join(folder, 'absent') }, []);
    assert.match(absent.text.what, /ENOENT/);
    assert.equal(absent.text.where, join(folder, 'absent'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what no receiver would understand is refused with exit code 64', async () => {
  const param = { kind: 'param', text: 'a="1"' } as const;
  const cases: LoggerOptions[] = [
    { structured: [param] },
    { structured: [{ kind: 'id', text: 'bad id' }] },
    { structured: [{ kind: 'id', text: 'unregistered' }] },
    { structured: [{ kind: 'id', text: `${'x'.repeat(32)}@1` }] },
    {
      structured: [
        { kind: 'id', text: 'x@1' },
        { ...param, text: 'a=1' },
      ],
    },
    {
      structured: [
        { kind: 'id', text: 'x@1' },
        { ...param, text: 'a="]"' },
      ],
    },
    { msgid: 'a b' },
    { msgid: 'm'.repeat(33) },
    { id: 'abc' },
    { size: '0' },
    { size: 'x' },
    { without: 'notime,nope' },
    { server: '127.0.0.1', port: '70000', act: true },
    { server: 'h', tag: 't'.repeat(60) },
  ];
  for (const options of cases) assert.equal((await refused(options)).exit, 64, JSON.stringify(options));
});

// ---- on the wire

async function udpReceiver(): Promise<{ port: number; next: () => Promise<string>; stop: () => void }> {
  const socket = dgram.createSocket('udp4');
  const got: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.on('message', (message) => {
    const text = message.toString('latin1');
    const taker = waiting.shift();
    if (taker) taker(text);
    else got.push(text);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    next: () => {
      const text = got.shift();
      return text === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(text);
    },
    stop: () => socket.close(),
  };
}

/** Everything that one connection brings. */
async function tcpReceiver(path?: string): Promise<{ port: number; all: Promise<string>; stop: () => void }> {
  let done: (text: string) => void = () => {};
  const all = new Promise<string>((resolve) => {
    done = resolve;
  });
  const server = net.createServer((socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => done(Buffer.concat(chunks).toString('latin1')));
  });
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'string' ? 0 : (address as AddressInfo).port,
    all,
    stop: () => server.close(),
  };
}

test('UDP: one datagram a message, with --octet-count its length before it', async () => {
  const receiver = await udpReceiver();
  try {
    const to = { server: '127.0.0.1', port: String(receiver.port), rfc3164: true };
    await runLogger(to, [], world('one\ntwo\n'));
    assert.equal(await receiver.next(), '<13>Nov 20 13:34:15 web-1 ann: one');
    assert.equal(await receiver.next(), '<13>Nov 20 13:34:15 web-1 ann: two');
    await runLogger({ ...to, octetCount: true, udp: true }, ['x'], world());
    assert.equal(await receiver.next(), '32 <13>Nov 20 13:34:15 web-1 ann: x');
  } finally {
    receiver.stop();
  }
});

test('TCP: a line end behind each message, or a count before it', async () => {
  for (const octetCount of [false, true]) {
    const receiver = await tcpReceiver();
    try {
      const to = { server: 'localhost', port: String(receiver.port), tcp: true, rfc3164: true, octetCount };
      await runLogger({ ...to, server: '127.0.0.1' }, [], world('one\ntwo\n'));
      const [one, two] = ['<13>Nov 20 13:34:15 web-1 ann: one', '<13>Nov 20 13:34:15 web-1 ann: two'];
      assert.equal(await receiver.all, octetCount ? `34 ${one}34 ${two}` : `${one}\n${two}\n`);
    } finally {
      receiver.stop();
    }
  }
});

test('TCP: twenty thousand lines arrive whole', async () => {
  const receiver = await tcpReceiver();
  try {
    const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at}`).join('\n');
    const to = { server: '127.0.0.1', port: String(receiver.port), tcp: true, rfc3164: true };
    await runLogger(to, [], world(lines, 65_536));
    const texts = (await receiver.all).split('\n').map((line) => line.slice(31));
    assert.equal(texts.join('\n'), `${lines}\n`);
  } finally {
    receiver.stop();
  }
});

test('a Unix socket of the stream kind is served too, an absent one is a fault', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-logger-'));
  const path = join(folder, 'log');
  const receiver = await tcpReceiver(path);
  try {
    await runLogger({ socket: path }, ['hello'], world());
    assert.equal(await receiver.all, '<13>Nov 20 13:34:15 ann: hello\n');
    const absent = await refused({ socket: join(folder, 'absent'), act: true });
    assert.equal(absent.code, 'SEND_FAILED');
    assert.match(absent.text.what, /ENOENT/);
  } finally {
    receiver.stop();
    rmSync(folder, { recursive: true });
  }
});

test('a refused connection and a datagram that is too long are faults', async () => {
  const receiver = await tcpReceiver();
  receiver.stop();
  const refusal = await refused({ server: '127.0.0.1', port: String(receiver.port), tcp: true, act: true });
  assert.equal(refusal.code, 'SEND_FAILED');
  assert.match(refusal.text.what, /ECONNREFUSED/);
  const udp = await udpReceiver();
  try {
    const to = { server: '127.0.0.1', port: String(udp.port), size: '100KiB', act: true };
    const long = await refused(to, ['x'.repeat(70_000)]);
    assert.match(long.text.what, /EMSGSIZE/);
    assert.match(long.text.mend ?? '', /--size/);
  } finally {
    udp.stop();
  }
});

// ---- the command line

/** What the command does with arguments as the shell gives them. */
async function parsed(...args: string[]): Promise<string> {
  const shownTexts: string[] = [];
  const io: Io = {
    stdout: (text) => void shownTexts.push(text),
    stdoutBytes: () => Promise.resolve(true),
    stderr: (text) => void shownTexts.push(text),
    stdin: Readable.from([]),
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
    env: {},
    pid: 4711,
    version: '0',
  };
  const program = new Command('belfry').exitOverride();
  loggerCommand.define(program, io, async (work) => {
    assert.equal(await work(), 0);
  });
  await program.parseAsync(['node', 'belfry', 'logger', '--no-act', '-s', ...args]);
  return shownTexts.join('');
}

test('an optional value needs its =, the word behind is the message', async () => {
  const me = userInfo().username;
  assert.match(await parsed('--rfc5424', 'hello'), /timeQuality.* hello\n$/);
  assert.equal(
    await parsed('-n', 'h', '--rfc5424=notime,nohost', '--id=9', '-t', 'tg', 'hello'),
    '<13>1 - - tg 9 - - hello\n',
  );
  assert.match(
    await parsed('-d', '--rfc3164', '--id', '55', 'hello'),
    new RegExp(`${me}\\[4711\\]: 55 hello\n$`),
  );
  assert.match(await parsed('-i', '-t', 'x', 'hello'), / x\[4711\]: hello\n$/);
});

test('options may stand behind words, and -- ends them', async () => {
  assert.match(await parsed('hello', '-p', 'mail.info', 'you'), /^<22>.*: hello you\n$/);
  assert.match(await parsed('-p', 'mail.info', '--', '-dash', '--id=5'), /^<22>.*: -dash --id=5\n$/);
});

test('structured data keeps its order over both flags', async () => {
  const args = [
    '--sd-id',
    'x@1',
    '--sd-param',
    'a="1"',
    '--sd-id',
    'y@2',
    '--sd-param',
    'b="2"',
    '--rfc5424=notq',
  ];
  assert.match(await parsed(...args, '--msgid', 'M', 'hello'), / M \[x@1 a="1"\]\[y@2 b="2"\] hello\n$/);
});

// ---- against the real one

const REAL_LOGGER = 'logger';
const REAL = spawnSync(REAL_LOGGER, ['--version'], { encoding: 'utf8' });
const isUtilLinux = REAL.status === 0 && REAL.stdout.includes('util-linux');

const SAME: readonly (readonly [readonly string[], string?])[] = [
  [['-n', 'HOST', '-P', 'PORT', 'hello', 'world']],
  [['-n', 'HOST', '-P', 'PORT', '-d', '--rfc3164', '-t', 'tag', 'hello']],
  [['-n', 'HOST', '-P', 'PORT', '--rfc3164', '--id=77', '-p', 'local4.err', 'hello']],
  [['-n', 'HOST', '-P', 'PORT', '--rfc5424=notime', 'hello']],
  [['-n', 'HOST', '-P', 'PORT', '--rfc5424=notq,nohost', '--msgid', 'M1', '--id=9', 'hello']],
  [['-n', 'HOST', '-P', 'PORT', '--octet-count', 'hello']],
  [['-n', 'HOST', '-P', 'PORT', '--sd-id', 'x@1', '--sd-param', 'a="1"', '--sd-param', 'b="\\"2"', 'hello']],
  [['-n', 'HOST', '-P', 'PORT', '--rfc3164', '-S', '8', 'hello world']],
  [['-n', 'HOST', '-P', 'PORT', '--rfc3164', '-p', 'kern.debug', 'tab\there']],
  [['-n', 'HOST', '-P', 'PORT', '--rfc3164'], 'from stdin\n'],
];

/** Times, and the kernel's estimate of their error, differ from one call to the next. */
function timeless(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}/, 'TIME')
    .replace(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d/, 'TIME')
    .replace(/^\d+ (?=.*syncAccuracy)/, 'COUNT ')
    .replace(/syncAccuracy="\d+"/, 'syncAccuracy="N"');
}

test('the real logger puts the same bytes on the wire', {
  skip: isUtilLinux ? false : "util-linux's logger is not here",
}, async () => {
  const receiver = await udpReceiver();
  try {
    for (const [args, stdin = ''] of SAME) {
      const given = args.map((arg) =>
        arg.replace('HOST', '127.0.0.1').replace('PORT', String(receiver.port)),
      );
      const real = spawnSync(REAL_LOGGER, given, { input: stdin, encoding: 'utf8' });
      assert.equal(real.status, 0, real.stderr);
      const wanted = timeless(await receiver.next());
      await sendAsOurs(given, stdin);
      const found = timeless(await receiver.next());
      // The length before a message counts the time quality as it was.
      if (!wanted.includes('syncAccuracy') || !args.includes('--octet-count')) assert.equal(found, wanted);
    }
  } finally {
    receiver.stop();
  }
});

async function sendAsOurs(args: readonly string[], stdin: string): Promise<void> {
  const program = new Command('belfry').exitOverride();
  const io = { stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), stderr: () => {}, pid: 1 };
  loggerCommand.define(program, io as unknown as Io, async (work) => {
    await work();
  });
  await program.parseAsync(['node', 'belfry', 'logger', ...args]);
}
