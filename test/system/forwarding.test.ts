// Real rsyslogd and syslog-ng in front of Belfry: each takes messages, writes them into a file of its own in
// the traditional format, and forwards them. Belfry's file must be the same, byte for byte.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { useBelfry } from './belfry.ts';
import { assertSameLines, stamp } from './lines.ts';
import { demandPeer, type PeerName, skipWithout } from './peers.ts';
import {
  freePort,
  isListening,
  makeFolder,
  type Program,
  startProgram,
  waitForLines,
  waitUntil,
} from './programs.ts';

const COUNT = 500;
const SECOND_MS = 1000;

/** Messages of several hosts and programs over the last minutes, as lines with PRI. */
function makeLines(): string[] {
  const texts = [
    'a plain text',
    'grüße from 東京 🔔',
    'brackets [x="y"] and "quotes"',
    'percent %s, colon: and  two spaces',
  ];
  const now = Date.now();
  return Array.from({ length: COUNT }, (_, i) => {
    const when = stamp(new Date(now - (COUNT - i) * SECOND_MS));
    const tag = i % 3 === 0 ? `prog-${i % 7}:` : `prog-${i % 7}[${1000 + i}]:`;
    return `<${(i % 24) * 8 + (i % 8)}>${when} host-${i % 5} ${tag} ${texts[i % texts.length]}, number ${i}`;
  });
}

function sendLines(port: number, lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(lines.map((line) => `${line}\n`).join('')));
    socket.once('error', reject);
    socket.once('close', () => resolve());
    socket.resume();
  });
}

interface Relay {
  readonly peer: PeerName;
  readonly name: string;
  /** The configuration: take lines from `from`, write `file`, forward to `to`. */
  readonly config: (paths: { folder: string; from: number; file: string; to: number }) => string;
  readonly args: (config: string, folder: string) => string[];
}

function rsyslogd(name: string, forward: string): Relay {
  return {
    peer: 'rsyslogd',
    name,
    config: ({ folder, from, file, to }) =>
      [
        `global(workDirectory="${folder}" localHostname="relay")`,
        // One worker: with more, rsyslogd itself changes the order of what it takes.
        'main_queue(queue.workerThreads="1")',
        'module(load="imptcp")',
        `input(type="imptcp" address="127.0.0.1" port="${from}")`,
        `action(type="omfile" file="${file}" template="RSYSLOG_TraditionalFileFormat")`,
        `action(type="omfwd" target="127.0.0.1" port="${to}" ${forward})`,
        '',
      ].join('\n'),
    args: (config, folder) => ['-n', '-f', config, '-i', join(folder, 'pid')],
  };
}

function syslogNg(name: string, forward: (to: number) => string): Relay {
  return {
    peer: 'syslog-ng',
    name,
    config: ({ from, file, to }) =>
      [
        '@version: 3.35',
        'options { keep-hostname(yes); use-dns(no); chain-hostnames(no); stats-freq(0); };',
        `source s { network(ip("127.0.0.1") port(${from}) transport("tcp")); };`,
        `destination local { file("${file}"); };`,
        `destination far { ${forward(to)}; };`,
        'log { source(s); destination(local); destination(far); };',
        '',
      ].join('\n'),
    args: (config, folder) => {
      const state = ['-R', join(folder, 'persist'), '-c', join(folder, 'ctl'), '-p', join(folder, 'pid')];
      return ['-F', '--no-caps', '-f', config, ...state];
    },
  };
}

const RELAYS: readonly Relay[] = [
  rsyslogd('udp, as it comes', 'protocol="udp"'),
  rsyslogd('udp, RFC 3164', 'protocol="udp" template="RSYSLOG_TraditionalForwardFormat"'),
  rsyslogd('udp, RFC 5424', 'protocol="udp" template="RSYSLOG_SyslogProtocol23Format"'),
  rsyslogd('tcp, as it comes', 'protocol="tcp"'),
  rsyslogd('tcp, RFC 3164', 'protocol="tcp" template="RSYSLOG_TraditionalForwardFormat"'),
  rsyslogd(
    'tcp, RFC 5424, octet count',
    'protocol="tcp" tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"',
  ),
  syslogNg('udp, RFC 3164', (to) => `network("127.0.0.1" port(${to}) transport("udp"))`),
  syslogNg('tcp, RFC 3164', (to) => `network("127.0.0.1" port(${to}) transport("tcp"))`),
  syslogNg('udp, RFC 5424', (to) => `syslog("127.0.0.1" port(${to}) transport("udp"))`),
  syslogNg('tcp, RFC 5424, octet count', (to) => `syslog("127.0.0.1" port(${to}) transport("tcp"))`),
];

async function startRelay(
  t: TestContext,
  relay: Relay,
  to: number,
): Promise<{ program: Program; from: number; file: string }> {
  const folder = makeFolder('relay');
  const from = await freePort();
  const file = join(folder.path, 'relay.log');
  const config = join(folder.path, 'relay.conf');
  writeFileSync(config, relay.config({ folder: folder.path, from, file, to }));
  const program = startProgram(demandPeer(relay.peer), relay.args(config, folder.path), { cwd: folder.path });
  t.after(async () => {
    await program.stop();
    folder.remove();
  });
  await waitUntil(`${relay.peer} listens`, () => isListening('tcp', from) || program.hasEnded());
  assert.ok(!program.hasEnded(), `${relay.peer} ended: ${program.stdout}${program.stderr}`);
  return { program, from, file };
}

describe('forwarding', () => {
  for (const relay of RELAYS) {
    test(`${relay.peer} over ${relay.name}`, { skip: skipWithout(relay.peer) }, async (t) => {
      const belfry = await useBelfry(t, { rules: [{ name: 'all', file: 'all.log' }] });
      const { from, file } = await startRelay(t, relay, belfry.port);
      await sendLines(from, makeLines());
      const theirs = await waitForLines(file, COUNT);
      const ours = await waitForLines(belfry.file('all.log'), COUNT);
      assertSameLines(ours, theirs);
      assert.equal(ours.split('\n').length, COUNT + 1);
    });
  }
});
