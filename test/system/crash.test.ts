// Crash tests: whatever is killed, cut off or full, and in whatever order, every message that an input accepted
// is in the server's file in the end. A few histories run here from the fixed seed; many more with
//
//   npm run test:crash -- --rounds 50 --seed 7
//
// What is promised of whom stands in crash-sources.ts. Over RELP all of it holds. Over plain TCP the server's
// kernel acknowledges what the server may never read: there the server is not killed (docs/transports.md), and
// its disk is not filled, since what waits in its kernel may then be read behind a newer connection.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SEED } from '../property/chance.ts';
import { Authority, withoutOpenssl } from '../unit/delivery/use-certificates.ts';
import { makeCrashWorld, type WorldOptions } from './crash-hosts.ts';
import { History, type Outcome, type Trouble } from './crash-history.ts';
import { whyNoNetwork } from './netns.ts';
import { IS_ROOT } from './world.ts';

const ROUNDS = Number(process.env['BELFRY_CRASH_ROUNDS'] ?? 1);
/** How often something breaks: a few times here, and as often as asked by the command. */
const STEPS = process.env['BELFRY_CRASH_STEPS'];
/** Small, so that a window that is resent is told from a stream that begins again. */
const WINDOW = 100;

const noNetwork = whyNoNetwork();

const ALWAYS: readonly Trouble[] = ['kill agent', 'restart agent', 'rotate'];
const OF_THE_SERVER: readonly Trouble[] = ['kill server', 'restart server'];
const OF_THE_QUEUE: readonly Trouble[] = IS_ROOT ? ['fill queue'] : [];
const OF_THE_FILES: readonly Trouble[] = IS_ROOT ? ['fill files'] : [];
const OF_THE_NETWORK: readonly Trouble[] = noNetwork === false ? ['cut network'] : [];

const OF_THE_SENDER: readonly Trouble[] = [...ALWAYS, ...OF_THE_NETWORK, ...OF_THE_QUEUE];
const EVERYTHING: readonly Trouble[] = [...OF_THE_SENDER, ...OF_THE_SERVER, ...OF_THE_FILES];

/** Said, not hidden: what this machine does not let us break. */
function sayLess(t: TestContext): void {
  if (noNetwork !== false) t.diagnostic(`the network is not cut: ${noNetwork}`);
  if (!IS_ROOT) t.diagnostic('no disk is filled: only root may mount a file system to fill');
}

/**
 * How many lines may be torn; the message itself comes again. Over TCP a server takes what has come of a message
 * when its connection broke (docs/framing.md). And a server that is killed while the disk is full leaves the
 * beginning of a line that the disk took; it gets a line of its own at the next start.
 */
function fragmentsOf({ did, breaks }: Outcome, isAcknowledged: boolean): number {
  if (!isAcknowledged) return breaks;
  return did.includes('fill files') ? did.filter((one) => one === 'kill server').length : 0;
}

function assertNothingLost(outcome: Outcome, what: string): void {
  const { file, tcp } = outcome;
  const story = `${what}: ${outcome.did.join(', ')}`;
  assert.deepEqual(file.missing, [], `${file.missingCount} lines of the log file are missing (${story})`);
  assert.deepEqual(tcp.missing, [], `${tcp.missingCount} messages over TCP are missing (${story})`);
  assert.deepEqual(outcome.shortLives, [], `messages of devlog are missing (${story})`);
  const fragments = fragmentsOf(outcome, what.startsWith('relp'));
  assert.ok(
    outcome.torn.length <= fragments,
    `torn lines: ${outcome.torn.slice(0, 3).join('; ')} (${story})`,
  );
}

function assertInOrder({ file, tcp, devlog, did }: Outcome): void {
  assert.deepEqual(
    { file: file.lateOnes, tcp: tcp.lateOnes, devlog: devlog.lateOnes },
    { file: [], tcp: [], devlog: [] },
    `out of order: ${did.join(', ')}`,
  );
}

/**
 * Only what was under way comes twice: the window, and for inputs that begin again what they had not noted yet.
 * How many came again counts, not how far behind: a server that was held up may read the rest of a connection
 * that has long been given up.
 */
function assertBounded({ file, tcp, devlog, unsure, unnoted, did }: Outcome, what: string): void {
  // Over TCP it is as much as the kernels hold between the two, and what they took in the last second.
  if (!what.startsWith('relp')) return;
  const story = `${what}: ${did.join(', ')}`;
  assert.ok(devlog.longest <= WINDOW, `devlog: ${devlog.longest} came again (${story})`);
  assert.ok(tcp.longest <= WINDOW + unsure, `tcp: ${tcp.longest} came again, ${unsure} unsure (${story})`);
  assert.ok(file.longest <= WINDOW + unnoted, `file: ${file.longest} again, ${unnoted} unnoted (${story})`);
}

function describe({ file, tcp, devlog, ...rest }: Outcome): string {
  const of = (name: string, one: Outcome['file']) =>
    `${name} ${one.arrived} (${one.twice} twice in ${one.windows} windows, the longest ${one.longest})`;
  const lives = `${rest.agentStarts} lives of the agent, ${rest.serverStarts} of the server`;
  const dropped = Object.entries(rest.dropped).map(([why, count]) => `${count} ${why}`);
  const losses = dropped.length === 0 ? '' : `; dropped before the queue: ${dropped.join(', ')}`;
  return `${of('file', file)}, ${of('tcp', tcp)}, ${of('devlog', devlog)}; ${lives}${losses}`;
}

async function run(
  t: TestContext,
  options: Omit<WorldOptions, 'isNetworked' | 'window'>,
  troubles: readonly Trouble[],
  round: number,
  steps: number,
): Promise<Outcome> {
  const seed = SEED + round * 1000;
  const world = await makeCrashWorld(t, { ...options, isNetworked: noNetwork === false, window: WINDOW });
  const outcome = await new History(world, { seed, steps: Number(STEPS ?? steps), troubles }).run();
  t.diagnostic(`seed ${seed}: ${describe(outcome)}`);
  const what = `${options.scheme}, seed ${seed}`;
  assertNothingLost(outcome, what);
  assertInOrder(outcome);
  assertBounded(outcome, what);
  return outcome;
}

test('an agent that is only restarted sends nothing twice, whatever is rotated meanwhile', async (t) => {
  // An answer that is late, and not only lost, would be asked for again.
  const destination = { timeout: '20s' };
  const world = await makeCrashWorld(t, { scheme: 'relp', isNetworked: false, window: WINDOW, destination });
  const troubles: readonly Trouble[] = ['restart agent', 'rotate'];
  const outcome = await new History(world, { seed: SEED, steps: 2, troubles }).run();
  t.diagnostic(describe(outcome));
  assertNothingLost(outcome, 'relp');
  assertInOrder(outcome);
  assert.equal(outcome.file.twice, 0);
  assert.equal(outcome.devlog.twice, 0);
});

/** Both sides show a certificate, and want to see one. */
function withTls(t: TestContext): Pick<WorldOptions, 'syslog' | 'destination'> {
  const authority = new Authority(t);
  const { ca } = authority;
  const server = authority.issue({ name: 'server' });
  const agent = authority.issue({ name: 'agent', names: 'DNS:agent.example.org' });
  return {
    syslog: { tls: { ...server, ca, requireClientCert: true } },
    destination: { tls: { ...agent, ca, serverName: 'localhost' } },
  };
}

for (let round = 0; round < ROUNDS; round += 1) {
  test(`relp: agent, server, network and disks break (round ${round + 1})`, async (t) => {
    if (round === 0) sayLess(t);
    await run(t, { scheme: 'relp' }, EVERYTHING, round, 5);
  });

  test(`tcp: the agent, the network and the queue's disk break (round ${round + 1})`, async (t) => {
    await run(t, { scheme: 'tcp' }, OF_THE_SENDER, round, 4);
  });

  test(`relps: as relp (round ${round + 1})`, { skip: withoutOpenssl }, async (t) => {
    await run(t, { scheme: 'relps', ...withTls(t) }, EVERYTHING, round + 1, 3);
  });

  test(`tls: as tcp (round ${round + 1})`, { skip: withoutOpenssl }, async (t) => {
    await run(t, { scheme: 'tls', ...withTls(t) }, OF_THE_SENDER, round + 1, 3);
  });
}
