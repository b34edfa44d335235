// What an operator sees of a running server: status and senders in words and as JSON, hosts that fall silent,
// clocks that are off, metrics without host names, and what `explain` says of a message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SenderStatus } from '../../daemon/sender-view.ts';
import { type Belfry, BELFRY, useBelfry } from './belfry.ts';
import { freePort, startProgram, waitForLines } from './programs.ts';
import { eventually, logLines, message, numbered, openSender, received, sendTcp, sendUdp } from './world.ts';

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function ask(belfry: Belfry, words: readonly string[], input?: string): Promise<Said> {
  const [command = '', ...rest] = words;
  const args = [command, '-c', belfry.config, ...rest];
  const program = startProgram(BELFRY, args, input === undefined ? {} : { input });
  const { code } = await program.ended;
  return { code, out: program.stdout, err: program.stderr };
}

/** A traditional header whose time is off by so many seconds, in the zone of this machine. */
function stampedMessage(host: string, offSeconds: number): string {
  const at = new Date(Date.now() + offSeconds * 1000);
  return `<13>1 ${at.toISOString()} ${host} app - - - a text`;
}

test('status tells what was received, written, refused and lost, in words and as JSON', async (t) => {
  const belfry = await useBelfry(t, {
    rules: [
      { match: { program: 'noise' }, discard: true },
      { match: { program: 'app' }, file: 'all.log' },
    ],
    syslog: { maxMessageSize: '1KiB' },
  });
  await sendTcp(belfry.port, numbered('host', 'app', 0, 100));
  await sendUdp(belfry.port, [
    message('host', 'noise', 0),
    message('host', 'stray', 0),
    '<999>not a priority',
    message('host', 'app', 100, 2000),
  ]);
  await received(belfry, 104);
  const { code, out } = await ask(belfry, ['status']);
  assert.equal(code, 0);
  for (const words of [
    /has been running for/,
    /udp:\/\/127\.0\.0\.1:\d+ +4 /,
    /tcp:\/\/127\.0\.0\.1:\d+ +100 /,
    /Received 104 messages/,
    /Nothing was lost\./,
    /Kept without being understood: 1 bad pri/,
    /Thrown away by a rule: 1\./,
    /No rule wanted 2 messages/,
    /Known: 2 senders, 0 of them silent/,
  ])
    assert.match(out, words);
  const json = JSON.parse((await ask(belfry, ['status', '--json'])).out) as Record<string, unknown>;
  assert.deepEqual(Object.keys(json).slice(0, 4), ['program', 'version', 'pid', 'state']);
  assert.equal((json['messages'] as { received: number }).received, 104);
  assert.equal((json['listeners'] as { oversized: number }[])[0]?.oversized, 1);
});

test('senders: rate, share that is not understood, clock, silence and speaking again', async (t) => {
  const http = await freePort();
  const belfry = await useBelfry(t, {
    rules: [{ file: 'all.log' }],
    more: { senders: { silentAfter: '3s' }, http: { listen: `127.0.0.1:${http}` } },
  });
  await sendTcp(belfry.port, `${stampedMessage('exact', 0)}\n${stampedMessage('ahead', 3600)}\n`);
  await sendUdp(belfry.port, [stampedMessage('behind', -7200), 'no header at all']);
  await received(belfry, 4);
  const list = async () => JSON.parse((await ask(belfry, ['senders', '--json'])).out) as SenderStatus[];
  const before = await list();
  const find = (host: string) => before.find((sender) => sender.host === host);
  assert.equal(before.length, 4);
  assert.ok(Math.abs(find('exact')?.skewMs ?? 1e9) < 60_000);
  assert.ok(Math.abs((find('ahead')?.skewMs ?? 0) - 3_600_000) < 60_000);
  assert.ok(Math.abs((find('behind')?.skewMs ?? 0) + 7_200_000) < 60_000);
  assert.equal(find('127.0.0.1')?.skewMs, null);

  await eventually('all are silent', () => {
    const said = logLines(belfry.program, 'event=sender_silent');
    return said.reduce((sum, line) => sum + Number(/senders=(\d+)/.exec(line)?.[1]), 0) === 4;
  });
  const silent = await ask(belfry, ['senders', '--silent']);
  assert.equal(silent.code, 0);
  assert.match(silent.out, /^exact .*SILENT/m);
  assert.match(silent.out, /^ahead .* 1 h ahead$/m);
  assert.match(silent.out, /^behind .* 2 h behind$/m);
  const metrics = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  assert.match(metrics, /^belfry_senders_silent 4$/m);
  assert.match(metrics, /^belfry_senders_silences_total 4$/m);

  const sender = await openSender(belfry.port);
  await sender.write(`${stampedMessage('exact', 0)}\n`);
  await eventually('heard again', () => logLines(belfry.program, /Heard again: exact/).length === 1);
  // A second of speaking later, only the others are silent.
  for (let i = 0; i < 5; i += 1) {
    await sender.write(`${stampedMessage('exact', 0)}\n`.repeat(100));
    await sleep(100);
  }
  const rates = await list();
  const exact = rates.find(({ host }) => host === 'exact');
  assert.equal(exact?.silentSince, null);
  assert.equal(exact?.messages, 502);
  assert.ok((exact?.rate ?? 0) > 10, `${exact?.rate} a second`);
  assert.equal(rates.filter(({ silentSince }) => silentSince !== null).length, 3);
  await sender.end();
});

test('nobody is silent: exit code 1; nobody answers: exit code 1 and how to mend it', async (t) => {
  const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }] });
  assert.equal((await ask(belfry, ['senders', '--silent'])).code, 1);
  const gone = startProgram(BELFRY, ['status', '--socket', '/nonexistent/control.sock']);
  assert.equal((await gone.ended).code, 1);
  assert.match(gone.stderr, /CONTROL_NOT_REACHED[\s\S]*where {2}\/nonexistent\/control\.sock[\s\S]*mend/);
});

test('metrics: every line is of the format, kernel drops are there, and no host name is anywhere', async (t) => {
  const http = await freePort();
  const belfry = await useBelfry(t, {
    rules: [{ file: '{host}.log' }],
    more: { http: { listen: `127.0.0.1:${http}` } },
  });
  await sendTcp(belfry.port, numbered('zebra-host', 'zebra-program', 0, 10));
  await waitForLines(belfry.file('zebra-host.log'), 10);
  const answer = await fetch(`http://127.0.0.1:${http}/metrics`);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  assert.doesNotMatch(text, /zebra/);
  const line = /^(?:# (?:HELP|TYPE) belfry_\w+ .+|belfry_\w+(?:\{(?:\w+="[^"]*",?)+\})? -?[\d.e+-]+)$/;
  for (const one of text.trimEnd().split('\n')) assert.match(one, line);
  const drops = new RegExp(
    `^belfry_syslog_kernel_drops_total\\{listener="udp://127\\.0\\.0\\.1:${belfry.port}"\\} 0$`,
    'm',
  );
  assert.match(text, drops);
  assert.match(text, /^belfry_syslog_messages_total\{listener="tcp:[^}]*\} 10$/m);
  const status = (await (await fetch(`http://127.0.0.1:${http}/status`)).json()) as {
    messages: { received: number };
  };
  assert.equal(status.messages.received, 10);
  const senders = (await (await fetch(`http://127.0.0.1:${http}/senders`)).json()) as SenderStatus[];
  assert.equal(senders[0]?.host, 'zebra-host');
  assert.equal((await fetch(`http://127.0.0.1:${http}/healthz`)).status, 200);
});

test('a host name cannot steer the terminal of whoever asks', async (t) => {
  const belfry = await useBelfry(t, {
    rules: [{ file: 'all.log' }],
    more: { senders: { silentAfter: '1s' } },
  });
  await sendUdp(belfry.port, [
    '<13>1 - \u001b[31mred\u202e - - - - a',
    '<13>Nov 20 12:34:15 \u001b]0;title\u0007 app: b',
    '<13>1 - \u009b2J app - - - c',
  ]);
  await received(belfry, 3);
  await eventually('silent', () => logLines(belfry.program, 'sender_silent').length > 0);
  const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;
  assert.doesNotMatch((await ask(belfry, ['senders'])).out, control);
  assert.doesNotMatch((await ask(belfry, ['status'])).out, control);
  assert.doesNotMatch(
    (await ask(belfry, ['explain', '<13>1 - \u001b[31mred app - - - \u001b[2J'])).out,
    control,
  );
  assert.doesNotMatch(belfry.program.stderr, control);
});

test('explain: how a message is read, which rules match and why others do not, from an address or from stdin', async (t) => {
  const belfry = await useBelfry(t, {
    rules: [
      { name: 'logins', match: { select: 'auth,authpriv.*' }, file: '{host}/auth.log' },
      { name: 'one-host', match: { fromHostIp: '172.31.101.79' }, file: 'one.log', stop: true },
      { name: 'denied', match: { contains: 'DENY' }, file: 'denied.log' },
      { name: 'everything', file: '{program}.log' },
    ],
    syslog: { allow: ['172.31.96.0/20'] },
  });
  const text = '<38>Nov 20 12:34:15 web1 sshd[42]: Accepted publickey';
  const here = await ask(belfry, ['explain', '--from', '172.31.100.1', text]);
  assert.equal(here.code, 0, here.err);
  for (const words of [
    /read as rfc3164/,
    /facility +auth$/m,
    /severity +info$/m,
    /host +web1$/m,
    /program +sshd$/m,
    /procid +42$/m,
    /message +Accepted publickey$/m,
    /\+ logins: matches/,
    /- one-host: does not match/,
    /no {3}fromHostIp wants "172\.31\.101\.79"; the message has 172\.31\.100\.1/,
    /no {3}contains wants "DENY"/,
    /\+ everything: matches/,
    /file {2}\S+\/out\/web1\/auth\.log/,
    /line {2}Nov 20 12:34:15 web1 sshd\[42\]: Accepted publickey$/m,
    /It goes into \S+web1\/auth\.log and \S+sshd\.log\./,
  ])
    assert.match(here.out, words);

  const there = await ask(belfry, ['explain', '--from', '172.31.101.79', text]);
  assert.match(there.out, /\+ one-host: matches/);
  assert.match(there.out, /- everything: not reached/);

  const refused = await ask(belfry, ['explain', '--from', '10.0.0.1', text]);
  assert.match(refused.out, /NOT in syslog\.allow/);

  const piped = await ask(belfry, ['explain', '--json', '--from', '172.31.100.1'], `${text}\n<13>DENY all\n`);
  const [first, second] = piped.out
    .trimEnd()
    .split('\n')
    .map(
      (line) =>
        JSON.parse(line) as { fields: Record<string, unknown>; rules: { rule: string; verdict: string }[] },
    );
  assert.equal(first?.fields['program'], 'sshd');
  assert.deepEqual(
    second?.rules.filter(({ verdict }) => verdict === 'matches').map(({ rule }) => rule),
    ['denied', 'everything'],
  );
  const bad = await ask(belfry, ['explain', '--from', 'web1', text]);
  assert.equal(bad.code, 64);
});
