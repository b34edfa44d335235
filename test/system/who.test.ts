// Whose a connection is, against the truth: a peer makes thousands of connections, says who it was for each, and no answer
// may be another. In a network namespace of the test, so that nothing else is seen. How many are named depends on the
// machine; the shares are printed, and the floors are such that a machine with other work keeps them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFolder } from './programs.ts';
import type { Round, Tally } from './who-asker.ts';

/** dist/test/system → test/system. */
const SOURCE = join(import.meta.dirname, '../../../test/system/who-peer.c');
const ROUNDS = join(import.meta.dirname, 'who-rounds.js');

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'needs root: a network namespace, and the processes of others';
  if (spawnSync('cc', ['--version']).error) return 'there is no C compiler (cc) for the peer';
  const made = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  return made.status === 0 ? false : `no network namespace can be made here: ${made.stderr}`;
}
const skip = whyNot();

const TRIES = 3;

const PLAIN: Round = {
  kind: 'tcp',
  host: '127.0.0.1',
  serverHost: '::',
  count: 1000,
  lifeUs: 5000,
  forks: false,
};

function play(t: TestContext, ...rounds: readonly Round[]): Tally[] {
  const folder = makeFolder('who');
  t.after(folder.remove);
  const peer = join(folder.path, 'who-peer');
  const compiled = spawnSync('cc', ['-O1', '-o', peer, SOURCE], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr);
  const inside = 'ip link set lo up && exec "$@"';
  const words = rounds.map((round) => JSON.stringify(round));
  const done = spawnSync(
    'unshare',
    ['--net', 'sh', '-c', inside, 'sh', process.execPath, ROUNDS, peer, ...words],
    { encoding: 'utf8', timeout: 120_000 },
  );
  assert.equal(done.status, 0, done.stderr);
  const [, ...lines] = done.stdout.trim().split('\n');
  const tallies = lines.map((line) => JSON.parse(line) as Tally);
  assert.equal(tallies.length, rounds.length);
  return tallies;
}

function say(t: TestContext, title: string, tally: Tally): void {
  const share = (number: number) => `${((number / tally.count) * 100).toFixed(1)} %`;
  t.diagnostic(
    `${title}: ${share(tally.named)} named, ${tally.wrong} wrong; server ${share(tally.serverNamed)}, ${tally.serverWrong} wrong; ` +
      `${JSON.stringify(tally.hows)} ${JSON.stringify(tally.serverHows)}; ` +
      `${tally.perSecond}/s, ${tally.lookupUs} us an end, ${(tally.cpuShare * 100).toFixed(1)} % of a core with the asking`,
  );
  assert.equal(tally.wrong, 0, `${title}: a wrong client`);
  assert.equal(tally.serverWrong, 0, `${title}: a wrong server`);
}

const namedOf = ({ named, serverNamed }: Tally): number => Math.min(named, serverNamed);

/** A share is lost to whatever else the machine does meanwhile; a wrong answer is never excused. */
function best(
  t: TestContext,
  title: string,
  enough: number,
  round: Round,
  share: (tally: Tally) => number = namedOf,
): Tally {
  let found: Tally | undefined;
  for (let i = 0; i < TRIES && (!found || share(found) < enough); i += 1) {
    const [tally] = play(t, round);
    assert.ok(tally);
    say(t, title, tally);
    if (!found || share(tally) >= share(found)) found = tally;
  }
  assert.ok(found);
  return found;
}

test('connections of 5 ms and of 1 ms have their process, and never another', { skip }, (t) => {
  const share = (tally: Tally) => Math.min(namedOf(tally), tally.withTotals);
  const five = best(t, '1,000 connections of 5 ms', 990, PLAIN, share);
  const one = best(t, '1,000 connections of 1 ms', 750, { ...PLAIN, lifeUs: 1000 });
  assert.equal(five.count, 1000);
  // 99.9 % as measured.
  assert.ok(five.named >= 950, `${five.named} of 1,000 that lived 5 ms were named`);
  assert.ok(five.serverNamed >= 950, `${five.serverNamed} servers`);
  // 97 % as measured, 75 % as demanded; the rest is what a machine with other work may take.
  assert.ok(one.named >= 500, `${one.named} of 1,000 that lived 1 ms were named`);
  assert.deepEqual(five.processNames, ['who-peer']);
  assert.ok(five.withTotals >= 900, `${five.withTotals} with the kernel's totals`);
});

test('a process of its own for each connection', { skip }, (t) => {
  const own = { ...PLAIN, count: 300, forks: true };
  const five = best(t, '300 processes, 5 ms each', 270, own, ({ named }) => named);
  best(t, '300 processes, 1 ms each', 0, { ...own, lifeUs: 1000 });
  assert.ok(five.named >= 270, `${five.named} of 300`);
});

for (const [title, more] of [
  ['IPv6', { host: '::1' }],
  ['IPv4 through an IPv6 socket', { host: '::ffff:127.0.0.1' }],
  ['bound to one address', { serverHost: '127.0.0.1' }],
] as const) {
  test(title, { skip }, (t) => {
    const { named, serverNamed } = best(t, title, 190, { ...PLAIN, count: 200, ...more });
    assert.ok(named >= 190, `${named} of 200`);
    assert.ok(serverNamed >= 190, `${serverNamed} servers of 200`);
  });
}

test('one port, used by a process after the other, is never given to the wrong one', { skip }, (t) => {
  const reused = { ...PLAIN, count: 300, forks: true, clientPort: 40_000 };
  const slow = best(t, 'one port, 5 ms each', 250, { ...reused, lifeUs: 5000 }, ({ named }) => named);
  best(t, 'one port, 0.5 ms each', 0, { ...reused, lifeUs: 500 });
  best(t, 'one port, at once', 0, { ...reused, lifeUs: 0 });
  assert.equal(slow.count, 300);
  assert.ok(slow.named >= 250, `${slow.named} of 300`);
});

test('UDP with a peer and without, while the socket is there and a moment after', { skip }, (t) => {
  const udp = { ...PLAIN, count: 200, lifeUs: 5000 };
  for (const [title, kind] of [
    ['UDP with a peer, 5 ms', 'udp'],
    ['UDP without a peer, 5 ms', 'udp-free'],
  ] as const) {
    const { named, serverNamed } = best(t, title, 190, { ...udp, kind });
    assert.ok(named >= 180, `${named} of 200`);
    assert.ok(serverNamed >= 190, `${serverNamed} servers of 200`);
  }
  const living = { ...udp, kind: 'udp-free', host: '::1', count: 5, lifeUs: 400_000 } as const;
  const { serverNamed } = best(t, 'UDP without a peer, IPv6, 400 ms', 5, living, (one) => one.serverNamed);
  assert.equal(serverNamed, 5);
});
