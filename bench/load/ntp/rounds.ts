// The rounds of the time servers: alternating, and in turned order each round.

import { findPeer } from '../../../test/system/peers.ts';
import { makeFolder } from '../../../test/system/programs.ts';
import type { Tools } from '../compile.ts';
import { makeMessages } from '../messages.ts';
import { compileAsk, type NtpResult, type NtpServerName, runNtp } from './bench.ts';

/** Five seconds of the stream beside the questions. */
const FLOOD_MESSAGES = 1_500_000;
const SECONDS = 3;
const QUICK_SECONDS = 1;
const SAMPLES = 2000;

export interface NtpRounds {
  readonly rounds: number;
  readonly quick: boolean;
  readonly tools: Tools;
  readonly folder: string;
  say(line: string): void;
}

export async function runNtpRounds(wishes: NtpRounds): Promise<NtpResult[]> {
  const { rounds, say, tools } = wishes;
  const asker = compileAsk(wishes.folder);
  const chronyd = findPeer('chronyd');
  if (asker === undefined) say('without ntp: it needs a C compiler (cc)');
  if (asker === undefined) return [];
  if ('missing' in chronyd) say(`without chronyd: ${chronyd.missing}`);
  const names: readonly NtpServerName[] = 'missing' in chronyd ? ['belfry'] : ['belfry', 'chronyd'];
  const sent = makeMessages(FLOOD_MESSAGES, wishes.folder);
  const seconds = wishes.quick ? QUICK_SECONDS : SECONDS;
  const results: NtpResult[] = [];
  for (let i = 0; i < rounds * names.length; i++) {
    const round = Math.floor(i / names.length);
    const name = names[(i + round) % names.length] as NtpServerName;
    const folder = makeFolder('ntp', wishes.folder).path;
    const result = await runNtp(asker, name, { seconds, samples: SAMPLES, sent, tools, folder });
    results.push(result);
    say(`ntp ${round + 1}/${rounds} ${name}: ${describe(result)}`);
  }
  return results;
}

function describe({ rates, idle, flooded }: NtpResult): string {
  const perSecond = rates.map((one) => Math.round(one.perSecond)).join(', ');
  return `${perSecond} answers/s, error p95 ${idle.p95Us} µs, beside log messages p99 ${flooded.p99Us} µs`;
}
