// The traffic log: a file with a line for each event, in the grammar of traffic/log, beside the messages. It begins and
// ends with a line of its own; connections that are open at the stop stand before the last one, as updates.
// Promises and refusals are those of line-file.ts.

import type { TrafficConfig } from '../../config/agent.ts';
import type { ZoneOffset } from '../../syslog/time.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import {
  printLogInterface,
  printLogLine,
  printLogLosses,
  printLogReopened,
  printLogStart,
  printLogStop,
} from '../../traffic/log/line.ts';
import type { InterfaceState, SeenFacts } from './capture.port.ts';
import { LineFile, type LineFileStatus } from './line-file.ts';
import type { Losses } from './monitor.ts';

export interface TrafficLogParts {
  readonly zone: ZoneOffset;
  readonly warn: (kind: string, sentence: string) => void;
}

const nowUs = (): number => Date.now() * 1000;

export class TrafficLog {
  readonly #file: LineFile;
  readonly #zone: ZoneOffset;

  constructor({ path, mode }: NonNullable<TrafficConfig['log']>, { zone, warn }: TrafficLogParts) {
    this.#zone = zone;
    const gap = (unwritten: number) =>
      printLogLosses({ dropped: 0, evicted: 0, heldBack: {}, unwritten }, nowUs(), zone) ?? '';
    const reopened = (why: 'signal' | 'moved') => printLogReopened(nowUs(), zone, why);
    this.#file = new LineFile({ path, mode, warn, gap, reopened });
  }

  async start(): Promise<void> {
    this.#file.write(printLogStart(nowUs(), this.#zone));
    await this.#file.start();
  }

  event(facts: SeenFacts, owners: Owners): void {
    this.#file.write(printLogLine(facts, owners, this.#zone));
  }

  interface({ name, state, trouble }: InterfaceState): void {
    this.#file.write(printLogInterface(name, state, trouble, nowUs(), this.#zone));
  }

  losses(losses: Losses): void {
    const line = printLogLosses(losses, losses.timeUs, this.#zone);
    if (line !== undefined) this.#file.write(line);
  }

  reopen(): Promise<void> {
    return this.#file.reopen();
  }

  async stop(): Promise<void> {
    this.#file.write(printLogStop(nowUs(), this.#zone));
    await this.#file.stop();
  }

  status(): LineFileStatus {
    return this.#file.status();
  }
}
