// Asks an NTP server, as often as wanted, and puts together what came of it. The times are our own codec's, to
// the nanosecond; what people read of a packet is decoded by ntp-packet-parser (ntp/report.ts).

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../../base/ip.ts';
import { askOnce, type Instant } from '../../kernel/question.ts';
import {
  bestOf,
  jitterNs,
  judgeReply,
  makeQuestion,
  rootDistanceSec,
  type Sample,
  sampleOf,
} from '../../ntp/exchange.ts';
import type { Header, Stamp } from '../../ntp/header.ts';
import { type PacketReport, reportPacket } from '../../ntp/report.ts';
import { fractionOf, ntpSeconds } from '../../ntp/timestamp.ts';

export interface Target {
  /** As the person wrote it. */
  readonly name: string;
  readonly address: Address;
  readonly port: number;
}

export interface Question {
  readonly count: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface NtpReport {
  readonly asked: number;
  readonly answered: number;
  /** The best of those that carried a time; undefined: none did. */
  readonly offsetNs: number | undefined;
  readonly delayNs: number | undefined;
  readonly jitterNs: number | undefined;
  /** How far the offset may be off: half the way there and back, and what the server says of itself. */
  readonly boundNs: number | undefined;
  readonly rootDistanceS: number | undefined;
  /** Of the last answer; undefined: nobody answered. */
  readonly packet: PacketReport | undefined;
  /** Why there is no time, or why the last question had no answer. */
  readonly why: string | undefined;
}

function stampOf({ sec, nanos }: Instant): Stamp {
  return { seconds: ntpSeconds(sec), fraction: fractionOf(nanos) };
}

function makeCookie(): Stamp {
  const bytes = randomBytes(8);
  return { seconds: bytes.readInt32BE(0), fraction: bytes.readInt32BE(4) };
}

type Outcome =
  | { readonly kind: 'time'; readonly bytes: Uint8Array; readonly header: Header; readonly sample: Sample }
  | { readonly kind: 'refusal'; readonly bytes: Uint8Array; readonly why: string }
  | { readonly kind: 'nothing'; readonly why: string };

function sayError(error: string): string {
  switch (error) {
    case 'ETIMEDOUT':
      return 'nothing came back';
    case 'ECONNREFUSED':
      return 'nobody listens on that port (ECONNREFUSED)';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `there is no way to that address (${error})`;
    default:
      return `the kernel says ${error}`;
  }
}

function askTarget(target: Target, timeoutMs: number): Outcome {
  const cookie = makeCookie();
  let stray: string | undefined;
  const asked = askOnce(target, makeQuestion(cookie), timeoutMs, (bytes) => {
    const reply = judgeReply(bytes, cookie);
    if (reply.kind === 'stray') stray = reply.why;
    return reply.kind !== 'stray';
  });
  if (!asked.ok) {
    return {
      kind: 'nothing',
      why: stray === undefined ? sayError(asked.error) : `what came was no answer: ${stray}`,
    };
  }
  const reply = judgeReply(asked.bytes, cookie);
  if (reply.kind !== 'time') return { kind: 'refusal', bytes: asked.bytes, why: reply.why };
  const sample = sampleOf(reply.header, stampOf(asked.sent), stampOf(asked.received));
  return { kind: 'time', bytes: asked.bytes, header: reply.header, sample };
}

export async function askServer(target: Target, question: Question): Promise<NtpReport> {
  const outcomes: Outcome[] = [];
  for (let i = 0; i < question.count; i += 1) {
    if (i > 0) await sleep(question.intervalMs);
    outcomes.push(askTarget(target, question.timeoutMs));
  }
  return summarise(outcomes);
}

function summarise(outcomes: readonly Outcome[]): NtpReport {
  const times = outcomes.filter((one) => one.kind === 'time');
  const answers = outcomes.filter((one) => one.kind !== 'nothing');
  const last = times.at(-1);
  const lastAnswer = answers.at(-1);
  const lastOutcome = outcomes.at(-1);
  const samples = times.map(({ sample }) => sample);
  const best = bestOf(samples);
  const distanceS = last && rootDistanceSec(last.header);
  return {
    asked: outcomes.length,
    answered: answers.length,
    offsetNs: best && Math.round(best.offsetNs),
    delayNs: best && Math.round(best.delayNs),
    jitterNs: best && Math.round(jitterNs(samples)),
    boundNs: best && Math.round(best.delayNs / 2 + (distanceS ?? 0) * 1e9),
    rootDistanceS: distanceS,
    packet: lastAnswer && reportPacket(lastAnswer.bytes),
    why: lastOutcome?.kind === 'time' ? undefined : lastOutcome?.why,
  };
}
