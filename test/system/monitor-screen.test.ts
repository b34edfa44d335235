// `belfry monitor` on a real terminal: tmux in a network namespace where nc talks to nc on port 2525. What a person would
// see is read from the screen, and so is that the terminal is as it was afterwards, whichever way out was taken.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BELFRY } from './belfry.ts';
import { whyNoNetwork } from './netns.ts';
import { skipWithout } from './peers.ts';
import { makeFolder, waitUntil } from './programs.ts';
import { PROMPT, type Talk, TmuxScreen } from './tmux.ts';

const skip = whyNoNetwork() || skipWithout('tmux', 'nc');
const PORT = 2525;

interface Live {
  readonly screen: TmuxScreen;
  readonly talk: Talk;
  /** What stty says of the terminal before. */
  readonly before: string;
}

let asked = 0;

async function sttyOf(screen: TmuxScreen): Promise<string> {
  const path = join(screen.folder, `stty${asked++}`);
  screen.command(`clear; stty -a >${path}.new; mv ${path}.new ${path}`);
  await waitUntil('stty has said', () => existsSync(path));
  return readFileSync(path, 'utf8');
}

/** The monitor runs and shows the connection, with both of its processes. */
async function watch(t: TestContext, line = '-i lo', columns = 80, rows = 24): Promise<Live> {
  const screen = new TmuxScreen(t, columns, rows);
  await screen.until('a prompt', (text) => text.startsWith(PROMPT.trimEnd()));
  const before = await sttyOf(screen);
  screen.monitor(line);
  await screen.until('the first look', /No packet has passed/);
  const talk = await screen.talk(PORT);
  talk.say('hello');
  await screen.until('the connection and its processes', (text) =>
    [talk.clientPid, talk.serverPid].every((pid) => text.includes(`[${pid}]`)),
  );
  return { screen, talk, before };
}

/** The prompt is back, the cursor is seen, and the terminal is as it was. */
async function assertRestored({ screen, before }: Live): Promise<void> {
  await waitUntil('the screen is the shell again', () => !screen.state().isAlternate);
  assert.deepEqual(screen.state(), { isAlternate: false, hasCursor: true });
  assert.equal(await sttyOf(screen), before);
}

test('a connection, what it did, who it is, in 80 columns and 24 lines', { skip }, async (t) => {
  const live = await watch(t);
  const { screen, talk } = live;
  for (let i = 0; i < 5; i++) talk.say(`line ${i}`);
  const packets = /^┌127\.0\.0\.1:\d+ += +(\d+) /m;
  const text = await screen.until('opened, and eight packets', (seen) => {
    talk.say('and on');
    return /:2525 opened/.test(seen) && Number(packets.exec(seen)?.[1]) >= 8;
  });
  t.diagnostic(`\n${text}`);
  const lines = text.split('\n');
  assert.equal(lines.length, 24);
  assert.match(lines[0] ?? '', /^ belfry monitor {2}lo .*by bytes {2}\d\d:\d\d:\d\d/);
  assert.match(lines[1] ?? '', /^ Source Host:Port +Packets Bytes Flag bit\/s RTT ms Process/);
  const row = /^[┌└]127\.0\.0\.1:(\d+) +=? +(\d+) +(\S+) ([-SPAU]{4}) .* (\S+\[\d+\])$/;
  const [client, server] = [2, 3].map((at) => row.exec((lines[at] ?? '').trimEnd()));
  assert.ok(client && server, text);
  assert.equal(server[1], String(PORT));
  assert.equal(client[4], 'SPA-');
  assert.match(client[5] ?? '', new RegExp(`^nc.*\\[${talk.clientPid}\\]$`));
  assert.match(server[5] ?? '', new RegExp(`^nc.*\\[${talk.serverPid}\\]$`));
  assert.ok(Number(client[2]) >= 8 && Number(server[2]) >= 6, 'packets');
  assert.match(lines.at(-2) ?? '', /^ 1 open, 0 ended {2}\d+ packets .* Drops: 0/);
  assert.match(lines.at(-1) ?? '', /^ q quit {2}\? help {2}s sort/);
  assert.deepEqual(screen.state(), { isAlternate: true, hasCursor: false });
  talk.hangUp();
  await screen.until('it has ended', / CLOS | DONE /);
  await screen.until('and how', /:2525 (closed|reset) by the client/);
  screen.press('q');
  await assertRestored(live);
});

test('keys: sort, filter, pause, detail, views, help, another size', { skip }, async (t) => {
  const live = await watch(t);
  const { screen, talk } = live;
  screen.type('sp');
  await screen.until('sorted', / by packets /);
  screen.type('/port 25x');
  await screen.until('the prompt', / Filter: port 25x/);
  screen.press('Enter');
  const wrong = (await screen.until('the fault', /"25x"/)).split('\n');
  const at = wrong.findIndex((line) => line.startsWith(' Filter:'));
  assert.equal(wrong[at + 1], `${' '.repeat(' Filter: port '.length)}^`);
  screen.press('C-u');
  screen.type('udp');
  screen.press('Enter');
  await screen.until('the filter is in force', /filter: udp[^]*No packet has passed the filter "udp"/);
  screen.type('/');
  screen.press('C-u');
  screen.type(`tcp port ${PORT}`);
  screen.press('Enter');
  await screen.until('it is seen again', (text) => {
    talk.say('again');
    return /127\.0\.0\.1:2525 +> /.test(text);
  });
  screen.type(' ');
  const paused = await screen.until('paused', / PAUSED$/m);
  talk.say('not seen');
  screen.type('?');
  await screen.until('help', /Keys[^]*Enter/);
  screen.press('Escape');
  const still = await screen.until('back', / PAUSED[^]*127\.0\.0\.1:2525/);
  assert.equal(still.split('\n')[2], paused.split('\n')[2], 'what is paused stands still');
  screen.type(' ');
  await screen.until('it goes on', (text) => !text.includes('PAUSED'));
  screen.press('Enter');
  const detail = await screen.until('the detail', /Direction[^]*Packets/);
  assert.match(detail, new RegExp(`Client +nc\\S*\\[${talk.clientPid}\\], user root`));
  screen.press('Escape');
  screen.type('h');
  await screen.until('by host', /^ Host +Conns[^]*^ 127\.0\.0\.1 +1/m);
  screen.type('p');
  await screen.until('by port', /^ Port +Conns[^]*^ tcp 2525 +1/m);
  screen.press('Tab');
  await screen.until('by process', new RegExp(`^ Process +Conns[^]*\\[${talk.serverPid}\\] +1`, 'm'));
  screen.press('Enter');
  await screen.until('its connections', /only nc\S*\[\d+\][^]*127\.0\.0\.1:2525/);
  screen.press('Escape', 'Escape');
  await screen.until('all connections', /^ Source Host:Port/m);
  for (const [columns, rows, heading] of [
    [132, 43, /Retr +Age Iface +Process$/m],
    [70, 20, /bit\/s RTT ms Process$/m],
    [40, 12, /^ Client > Server +Packets Bytes Flag$/m],
    [80, 24, /bit\/s RTT ms Process$/m],
  ] as const) {
    screen.resize(columns, rows);
    const text = await screen.until(`${columns} x ${rows}`, heading);
    assert.match(text, /2525/);
    assert.ok(text.split('\n').every((line) => line.length <= columns));
    assert.match(text, /Drops: 0/);
  }
  screen.type('x');
  await assertRestored(live);
});

test('every way out restores the terminal', { skip }, async (t) => {
  const live = await watch(t);
  const { screen, talk } = live;
  screen.press('C-z');
  await screen.until('stopped', /[Ss]topped/);
  assert.deepEqual(screen.state(), { isAlternate: false, hasCursor: true });
  assert.equal(await sttyOf(screen), live.before);
  screen.command('fg');
  talk.say('still there');
  await screen.until('back', new RegExp(`Source Host:Port[^]*\\[${talk.clientPid}\\]`));
  screen.press('C-c');
  await assertRestored(live);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    screen.monitor('-i lo');
    await screen.until('it runs', /Drops: 0/);
    process.kill(screen.foreground(), signal);
    await assertRestored(live);
  }
});

test('a terminal that goes away ends it as any program, with its log whole', { skip }, async (t) => {
  const folder = makeFolder('monitor-gone');
  t.after(folder.remove);
  const [log, code] = ['log', 'code'].map((name) => join(folder.path, name));
  const screen = new TmuxScreen(t);
  const monitor = [BELFRY.path, ...BELFRY.args, 'monitor', '-i', 'lo', '-L', log].join(' ');
  screen.command(`(trap '' HUP; ${monitor}; echo "code $?" >${code})`);
  await screen.until('it runs', /Drops: 0/);
  screen.hangUp();
  await waitUntil('it has ended', () => existsSync(String(code)));
  // 128 and SIGHUP; an abort would be 134.
  await waitUntil('its code', () => readFileSync(String(code), 'utf8') === 'code 129\n');
  assert.match(readFileSync(String(log), 'utf8'), /monitor started \*+\n[^]*monitor stopped \*+\n$/);
});

test('the log is written beside the screen, and stays when it is left', { skip }, async (t) => {
  const folder = makeFolder('monitor-log');
  t.after(folder.remove);
  const path = join(folder.path, `${'a-path-of-more-than-eighty-characters-'.repeat(3)}.txt`);
  const live = await watch(t, `-i lo -L ${path} port ${PORT}`);
  assert.match(live.screen.text(), /log \/tmp/);
  const pid = live.screen.foreground();
  // As logrotate does it.
  renameSync(path, `${path}.1`);
  process.kill(pid, 'SIGHUP');
  await waitUntil('the log is opened anew', () => existsSync(path));
  live.talk.hangUp();
  await live.screen.until('it has ended', /:2525 (closed|reset) by the client/);
  live.screen.press('q');
  await assertRestored(live);
  const fresh = readFileSync(path, 'utf8').split('\n');
  assert.ok(fresh.some((line) => /; \*+ Logfile reopened at the HUP signal \*+$/.test(line)));
  const lines = readFileSync(`${path}.1`, 'utf8').split('\n');
  assert.match(lines[0] ?? '', /; \*+ IP traffic monitor started \*+$/);
  assert.match(
    lines.join('\n'),
    /; TCP; lo; \d+ bytes; from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:2525; first packet \(SYN\)/,
  );
  assert.match(fresh.at(-2) ?? '', /; \*+ IP traffic monitor stopped \*+$/);
});

test('without a screen: lines, JSON, and a reader that goes', { skip }, async (t) => {
  const screen = new TmuxScreen(t);
  const out = join(screen.folder, 'out');
  const main = [BELFRY.path, ...BELFRY.args].join(' ');
  screen.command(`${main} monitor -i lo --json -c 1 tcp >${out}; echo "code $?"`);
  await waitUntil('it has begun', () => existsSync(out));
  const talk = await screen.talk(PORT);
  await screen.until('it has ended by itself', (text) => {
    talk.say('hello');
    return /^code 0$/m.test(text);
  });
  const event = JSON.parse(readFileSync(out, 'utf8')) as Record<string, unknown>;
  assert.deepEqual([event['dport'], event['proto'], event['view']], [PORT, 'tcp', 'both']);
  screen.command(`clear; ${main} monitor -i lo port ${PORT} | head -1 >${out}; echo "done"`);
  await screen.until('it runs again', (text) => {
    talk.say('more');
    return readFileSync(out, 'utf8').includes('; TCP; lo; ') && text.includes('done');
  });
});

test('without the right to capture it says so, and the screen is never taken', { skip }, async (t) => {
  const screen = new TmuxScreen(t, 100, 24);
  screen.monitor('-i lo; echo "code $?"', 'setpriv --bounding-set=-net_raw,-net_admin --inh-caps=-all ');
  const text = await screen.until('the end', /^code 77$/m);
  assert.match(text, /CAP_NET_RAW[^]*sudo[^]*setcap/);
  assert.equal(screen.state().isAlternate, false);
});
