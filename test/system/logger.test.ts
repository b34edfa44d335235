// The real `logger` of util-linux against a running Belfry, over UDP and TCP in every form that it knows. With
// --stderr logger prints the very bytes that it sends: the raw file must hold them, the traditional file the
// line that they mean.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Belfry, useBelfry } from './belfry.ts';
import { escaped, traditionalLine } from './lines.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { startProgram, waitForLines } from './programs.ts';

const RULES = [
  { name: 'raw', file: { path: '{program}.raw', format: 'raw' } },
  { name: 'lines', file: '{program}.log' },
];

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly input?: string;
}

const LONG = 'a long line that goes on and on, '.repeat(200);

const ESCAPES = 'enterprise="\\"a\\\\b\\]"';
const ORIGIN = ['--sd-id', 'origin@32473', '--sd-param', 'ip="192.0.2.1"', '--sd-param', ESCAPES];
const META = ['--sd-id', 'meta@32473', '--sd-param', 'sequence="7"'];

/** Each is sent over UDP and over TCP. */
const EVERYWHERE: readonly Case[] = [
  { name: 'as it comes', args: ['hello from logger'] },
  { name: 'rfc3164', args: ['--rfc3164', 'hello in the old form'] },
  { name: 'rfc3164 with a process id', args: ['--rfc3164', '-i', 'hello from a process'] },
  { name: 'rfc5424', args: ['--rfc5424', 'hello in the new form'] },
  { name: 'rfc5424 with a given process id', args: ['--rfc5424', '--id=4711', 'hello from 4711'] },
  { name: 'rfc5424 without time quality', args: ['--rfc5424=notq', 'hello of poor quality'] },
  { name: 'rfc5424 without time', args: ['--rfc5424=notime', 'hello without a time'] },
  { name: 'rfc5424 without host', args: ['--rfc5424=nohost', 'hello from nowhere'] },
  { name: 'message id', args: ['--rfc5424', '--msgid', 'TCPIN', 'hello with an id'] },
  { name: 'structured data', args: ['--rfc5424', ...ORIGIN, ...META, 'hello with data'] },
  { name: 'facility and severity by name', args: ['-p', 'local7.debug', 'hello of little interest'] },
  { name: 'another facility', args: ['-p', 'auth.crit', 'hello of some interest'] },
  { name: 'letters of the world', args: ['--rfc5424', 'grüße, 你好, 🔔 and ẞ'] },
  { name: 'tabs and escapes', args: ['a\ttab, a \u001b[31mcolour\u001b[0m, a bell\u0007'] },
  { name: 'a long line', args: ['--size', '32KiB', LONG] },
  { name: 'brackets and percent signs', args: ['--rfc3164', '[not data] %s %n <13> ] \\'] },
  {
    name: 'lines from standard input',
    args: ['--rfc3164'],
    input: 'first line\nsecond line\nthird line, no feed',
  },
];

/** Only TCP frames messages. */
const TCP_ONLY: readonly Case[] = [
  { name: 'octet count, rfc3164', args: ['--octet-count', '--rfc3164', 'hello, counted'] },
  { name: 'octet count, rfc5424', args: ['--octet-count', '--rfc5424', 'hello, counted anew'] },
  { name: 'octet count, line feeds inside', args: ['--octet-count', 'two\nlines and a third\n'] },
  {
    name: 'octet count, many',
    args: ['--octet-count'],
    input: Array.from({ length: 300 }, (_, i) => `number ${i}`).join('\n'),
  },
];

/** What logger said that it sent, one entry a message. */
function sentMessages(stderr: string, counted: boolean): string[] {
  if (!counted) return stderr.split('\n').slice(0, -1);
  const messages: string[] = [];
  const bytes = Buffer.from(stderr);
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const size = Number(bytes.toString('latin1', at, space));
    assert.ok(size > 0, `no octet count at ${at}: ${bytes.toString('utf8', at, at + 20)}`);
    // A line feed at the end of a message is no part of it (RFC 6587 section 3.4.2 speaks of such senders).
    messages.push(bytes.toString('utf8', space + 1, space + 1 + size).replace(/\n$/, ''));
    // logger ends what it prints for people with a line feed that it does not send.
    at = space + 1 + size + 1;
  }
  return messages;
}

async function logAndCompare(
  belfry: Belfry,
  transport: '-d' | '-T',
  tag: string,
  one: Case,
  host: string,
): Promise<void> {
  const to = ['-s', '-n', host, '-P', String(belfry.port), transport, '-t', tag];
  const options = one.input === undefined ? {} : { input: one.input };
  const now = new Date();
  const logger = await startProgram(demandPeer('logger'), [...to, ...one.args], options).success();
  const sent = sentMessages(logger.stderr, one.args.includes('--octet-count'));
  assert.ok(sent.length > 0, 'logger sent nothing');
  const raw = await waitForLines(belfry.file(`${tag}.raw`), sent.length);
  assert.equal(raw, sent.map((message) => `${escaped(message)}\n`).join(''));
  const lines = await waitForLines(belfry.file(`${tag}.log`), sent.length);
  const expected = sent.map((message) => `${traditionalLine(message, host, now)}\n`).join('');
  if (one.args.includes('--rfc5424=notime')) assert.equal(lines.slice(15), expected.slice(15));
  else assert.equal(lines, expected);
}

describe('logger', { skip: skipWithout('logger') }, () => {
  for (const [word, letter, cases] of [
    ['udp', '-d', EVERYWHERE],
    ['tcp', '-T', [...EVERYWHERE, ...TCP_ONLY]],
  ] as const) {
    test(`over ${word}`, async (t) => {
      const belfry = await useBelfry(t, { rules: RULES });
      for (const [i, one] of cases.entries()) {
        await t.test(one.name, () => logAndCompare(belfry, letter, `case${i}`, one, '127.0.0.1'));
      }
    });
  }

  test('over IPv6', async (t) => {
    const belfry = await useBelfry(t, { rules: RULES, host: '::1' });
    await t.test('udp', () =>
      logAndCompare(belfry, '-d', 'udp6', { name: '', args: ['--rfc5424=nohost', 'hello'] }, '::1'),
    );
    await t.test('tcp', () =>
      logAndCompare(belfry, '-T', 'tcp6', { name: '', args: ['--rfc5424=nohost', 'hello'] }, '::1'),
    );
  });
});
