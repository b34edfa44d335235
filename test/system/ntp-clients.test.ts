// Real clients ask Belfry for the time: chronyd once and running, plain and interleaved, over IPv4 and IPv6;
// ntpdig of NTPsec; systemd-timesyncd. None of them may touch the clock of this machine.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { chronyc, chronydArgs, runBelfry, useChronyd, useTimeServer } from './ntp.ts';
import { demandPeer, findPeer, type Peer, skipWithout } from './peers.ts';
import { makeFolder, startProgram, waitUntil } from './programs.ts';

/** What chronyd may find wrong with a clock that is its own, on a machine that does other things too. */
const OFFSET_MAX_S = 50e-6;
const TRIES = 5;
/** ntpdig and timesyncd know no other port. */
const NTP_PORT = 123;
const NTP_HOST = '127.77.1.23';

async function askOnce(
  server: string,
  port: number,
  folder: string,
): Promise<{ code: number | null; text: string }> {
  const lines = [
    `server ${server} port ${port} iburst`,
    `pidfile ${join(folder, 'pid')}`,
    'cmdport 0',
    'bindcmdaddress /',
  ];
  const program = startProgram(demandPeer('chronyd'), [
    '-Q',
    '-t',
    '20',
    ...chronydArgs('/dev/null'),
    ...lines,
  ]);
  const { code } = await program.ended;
  return { code, text: program.stderr + program.stdout };
}

for (const [family, listen, server] of [
  ['IPv4', '127.0.0.1', '127.0.0.1'],
  ['IPv6', '[::1]', '::1'],
] as const) {
  test(`chronyd -Q over ${family}`, { skip: skipWithout('chronyd') }, async (t) => {
    const { port } = await useTimeServer(t, {}, [listen]);
    const folder = makeFolder('chronyd');
    t.after(folder.remove);
    const found: number[] = [];
    for (let i = 0; i < TRIES && !found.some((offset) => offset < OFFSET_MAX_S); i += 1) {
      const { code, text } = await askOnce(server, port, folder.path);
      assert.equal(code, 0, text);
      const offset = /System clock wrong by (-?[\d.]+) seconds/.exec(text)?.[1];
      assert.ok(offset !== undefined, text);
      found.push(Math.abs(Number(offset)));
    }
    assert.ok(Math.min(...found) < OFFSET_MAX_S, `offsets ${found.join(', ')} s`);
  });
}

for (const [name, listen, server, option] of [
  ['plain, over IPv4', '127.0.0.1', '127.0.0.1', ''],
  ['interleaved, over IPv4', '127.0.0.1', '127.0.0.1', 'xleave'],
  ['interleaved, over IPv6', '[::1]', '::1', 'xleave'],
] as const) {
  test(`a running chronyd selects Belfry: ${name}`, {
    skip: skipWithout('chronyd', 'chronyc'),
  }, async (t) => {
    const { port, belfry } = await useTimeServer(t, {}, [listen]);
    const { commandSocket } = await useChronyd(t, [
      `server ${server} port ${port} iburst minpoll 0 maxpoll 0 ${option}`,
      'port 0',
    ]);
    const source = await waitForSource(commandSocket, (row) => row[1] === '*' && Number(row[5]) >= 77);
    assert.equal(source[2], server);
    assert.equal(source[3], '10');
    await waitForSource(commandSocket, (row) => Math.abs(Number(row[7])) < OFFSET_MAX_S);
    const { stdout } = await runBelfry('status', '--json', '-c', belfry.config);
    const { ntp } = JSON.parse(stdout) as { ntp: { interleaved: number; answers: number } };
    assert.ok(ntp.answers >= 6);
    assert.equal(ntp.interleaved > 0, option === 'xleave', `${ntp.interleaved} interleaved answers`);
  });
}

async function waitForSource(
  commandSocket: string,
  fits: (row: readonly string[]) => boolean,
): Promise<string[]> {
  let rows: string[][] = [];
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    rows = await chronyc(commandSocket, 'sources');
    const [row] = rows;
    if (row !== undefined && fits(row)) return row;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`chronyd did not come to it: ${JSON.stringify(rows)}`);
}

/** False, or why nobody can listen on the port that every client knows. */
async function whyNoNtpPort(): Promise<string | false> {
  const socket = createSocket('udp4');
  try {
    socket.bind(NTP_PORT, NTP_HOST);
    await once(socket, 'listening');
    return false;
  } catch (error) {
    return `port ${NTP_PORT} cannot be had: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  } finally {
    socket.close();
  }
}

const noPort = await whyNoNtpPort();

test('ntpdig of NTPsec', { skip: skipWithout('ntpdig') || noPort }, async (t) => {
  await useTimeServer(t, {}, [NTP_HOST], NTP_PORT);
  const program = startProgram(demandPeer('ntpdig'), ['-j', '-p', '3', NTP_HOST]);
  const { code } = await program.ended;
  assert.equal(code, 0, program.stderr);
  const report = JSON.parse(program.stdout) as {
    stratum: number;
    leap: string;
    offset: number;
    adjusted: boolean;
  };
  assert.deepEqual([report.stratum, report.leap, report.adjusted], [10, 'no-leap', false]);
  assert.ok(Math.abs(report.offset) < 0.005, String(report.offset));
});

/** It would set the clock, so it runs as nobody, without the right to, and with a configuration of its own. */
function timesyncdArgs(t: TestContext, peer: Peer): string[] {
  const folder = makeFolder('timesyncd');
  t.after(folder.remove);
  const config = join(folder.path, 'systemd');
  mkdirSync(config);
  writeFileSync(join(config, 'timesyncd.conf'), `[Time]\nNTP=${NTP_HOST}\nFallbackNTP=\n`);
  const nobody = '--reuid 65534 --regid 65534 --clear-groups --bounding-set=-sys_time --inh-caps=-all';
  const shell = `mount --bind ${config} /etc/systemd && exec setpriv ${nobody} ${peer.path}`;
  return ['-m', 'sh', '-c', shell];
}

function whyNoTimesyncd(): string | false {
  if (process.getuid?.() !== 0) return 'only root may give it a configuration of its own';
  return skipWithout('timesyncd') || noPort;
}

test('systemd-timesyncd', { skip: whyNoTimesyncd() }, async (t) => {
  const peer = findPeer('timesyncd');
  assert.ok(!('missing' in peer));
  await useTimeServer(t, {}, [NTP_HOST], NTP_PORT);
  const unshare: Peer = { path: 'unshare', args: [], env: { ...peer.env, SYSTEMD_LOG_LEVEL: 'debug' } };
  const program = startProgram(unshare, timesyncdArgs(t, peer));
  t.after(() => program.stop());
  const contacted = () => program.stderr.includes(`Contacted time server ${NTP_HOST}`);
  await waitUntil('timesyncd takes the time', () => contacted() || program.hasEnded());
  if (!contacted() && /Operation not permitted|mount:/.test(program.stderr)) {
    t.skip(`no namespace of its own here: ${program.stderr.trim().split('\n')[0] ?? ''}`);
    return;
  }
  assert.ok(contacted(), program.stderr);
  assert.match(program.stderr, /stratum\s+: 10\b/);
});
