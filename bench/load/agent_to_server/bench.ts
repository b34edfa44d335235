// Forwarding from end to end: a log file → agent → RELP → server → a file, and the drain of a backlog that an
// agent has gathered while its server was away. Belfry against rsyslogd on both sides, alternating.

import { findPeer } from '../../../test/system/peers.ts';
import { freePort } from '../../../test/system/programs.ts';
import { type LogFile, writeLogFile } from './lines.ts';
import { belfryPair, type Pair, rsyslogPair, type Tuned } from './pairs.ts';
import { type DrainResult, type ForwardResult, runDrain, runForward } from './run.ts';

/**
 * rsyslogd as it comes moves some three thousand messages a second: two million would take it eleven minutes.
 */
const UNTUNED_MESSAGES_MAX = 50_000;
/** rsyslogd needs 600 bytes on disk for a message, and several times as long. More than its memory takes. */
const THEIR_BACKLOG_MESSAGES = 1_000_000;
/** About 1 GiB in the queue: a record is a line of 92 bytes with 103 bytes of header and timeQuality on average. */
const BACKLOG_MESSAGES = 5_500_000;
const QUICK_BACKLOG_MESSAGES = 500_000;

export interface ForwardRounds {
  readonly rounds: number;
  readonly messages: number;
  readonly quick: boolean;
  readonly folder: string;
  readonly without: readonly string[];
  say(line: string): void;
}

function findPairs({ without, say }: ForwardRounds, tunings: readonly Tuned[]): Pair[] {
  const peer = findPeer('rsyslogd-relp');
  if ('missing' in peer) say(`without rsyslogd: ${peer.missing}`);
  const theirs = 'missing' in peer ? [] : tunings.map((tuned) => rsyslogPair(peer, tuned, freePort));
  return [belfryPair, ...theirs].filter(({ name }) => !without.includes(name));
}

function* turns(pairs: readonly Pair[], rounds: number): Generator<{ round: number; pair: Pair }> {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < pairs.length; i++) yield { round, pair: pairs[(i + round) % pairs.length] as Pair };
  }
}

function describe(one: ForwardResult): string {
  const { agent, server } = one;
  const cpu = `${agent.cpuUsPerMessage.toFixed(2)} + ${server.cpuUsPerMessage.toFixed(2)} µs`;
  const arrived = `missing ${one.missing}, twice ${one.twice}, torn ${one.torn}`;
  return `${cpu}, ${Math.round(one.perSecond)} msg/s, ${arrived}`;
}

export async function runForwardRounds(wishes: ForwardRounds): Promise<ForwardResult[]> {
  const sent = writeLogFile(wishes.folder, wishes.messages);
  const few = writeLogFile(wishes.folder, Math.min(wishes.messages, UNTUNED_MESSAGES_MAX));
  const results: ForwardResult[] = [];
  for (const { round, pair } of turns(findPairs(wishes, ['none', 'main queue']), wishes.rounds)) {
    const result = await runForward(pair, pair.name === 'rsyslogd' ? few : sent, wishes.folder);
    results.push(result);
    wishes.say(`agent_to_server ${round + 1}/${wishes.rounds} ${pair.name}: ${describe(result)}`);
  }
  return results;
}

/** The backlog is large: one round, whatever was asked, and the tuned rsyslogd alone. */
export async function runDrainRounds(wishes: ForwardRounds): Promise<DrainResult[]> {
  const count = wishes.quick ? QUICK_BACKLOG_MESSAGES : BACKLOG_MESSAGES;
  const sent = writeLogFile(wishes.folder, count);
  const fewer = writeLogFile(wishes.folder, THEIR_BACKLOG_MESSAGES);
  const results: DrainResult[] = [];
  for (const pair of findPairs(wishes, ['action queue'])) {
    const result = await drainOnce(pair, pair.name === 'belfry' ? sent : fewer, wishes);
    if (result !== undefined) results.push(result);
  }
  return results;
}

async function drainOnce(
  pair: Pair,
  sent: LogFile,
  { folder, say }: ForwardRounds,
): Promise<DrainResult | undefined> {
  try {
    const result = await runDrain(pair, sent, folder);
    say(`agent_backlog ${pair.name}: ${describe(result)}, agent ${result.residentMiB.toFixed(0)} MiB`);
    return result;
  } catch (error) {
    say(`agent_backlog ${pair.name}: ${(error as Error).message}`);
    return undefined;
  }
}
