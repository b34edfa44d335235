// How a server does, in one sentence, for `systemctl status`: what comes in, what was lost, what needs somebody.

import { printCount, printCountOf } from '../base/units.ts';
import type { ServerStatus } from '../daemon/status.ts';

type Told = Pick<ServerStatus, 'messages' | 'senders' | 'config'> & {
  readonly files: Pick<ServerStatus['files'], 'troubledCount'>;
};

/** Remembers what it saw last, since a rate needs two looks. */
export class ServerSentence {
  #received = 0;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** `nowMs`: of a clock that never jumps. */
  tell({ messages, senders, files, config }: Told, nowMs: number): string {
    const seconds = (nowMs - this.#atMs) / 1000;
    const perSecond = seconds > 0 ? (messages.received - this.#received) / seconds : 0;
    [this.#received, this.#atMs] = [messages.received, nowMs];
    const lost = Object.values(messages.dropped).reduce((sum, count) => sum + count, 0);
    const silent = senders.silent > 0 ? ` (${printCount(senders.silent)} silent)` : '';
    return [
      `${printCount(perSecond)} messages/s from ${printCountOf(senders.known, 'host')}${silent}, ${printCount(messages.received)} since the start`,
      lost === 0 ? 'nothing lost' : `${printCount(lost)} LOST`,
      ...(files.troubledCount > 0 ? [`${printCountOf(files.troubledCount, 'file')} CANNOT BE WRITTEN`] : []),
      ...(config.failedReloads > 0 ? [`${printCountOf(config.failedReloads, 'reload')} refused`] : []),
    ].join('; ');
  }
}
