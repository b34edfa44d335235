// The agent's watching of connections, as an input that exists once: events become messages for all destinations and
// lines of the traffic log. Promises: what a queue has no room for is dropped and counted, since packets do not wait;
// what was lost or held back is a message of its own; the end of the watching tells what is open still.
//
// Refuses: to tell of the agent's own delivery by UDP. The message about it would be the next packet of that flow, and
// so on for ever; the traffic log has it. Of a delivery by TCP or RELP there is one connection and few events.

import { isIP } from 'node:net';
import type { Log } from '../../base/log.ts';
import type { DestinationConfig, Target, TrafficConfig } from '../../config/agent.ts';
import { Voice } from '../../delivery/spool/voice.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import { PROTOCOL } from '../../traffic/packet/packet.ts';
import type { Input, InputSink, InputStatus } from '../inputs/input.ts';
import type { MessageSettings } from '../inputs/message.ts';
import { Outflow } from '../inputs/outflow.ts';
import type { InterfaceState, SeenFacts } from './capture.port.ts';
import { type Losses, Monitor, type MonitorDoors } from './monitor.ts';
import { interfaceNotice, lossNotice, recordsNotice, watchNotice } from './notices.ts';
import { monitorSettings, watchedWords } from './settings.ts';
import { TrafficLog } from './traffic-log.ts';
import { type Notice, TrafficMessages } from './traffic-messages.ts';
import type { TrafficStatus } from './traffic-status.ts';

export interface TrafficParts {
  readonly sink: InputSink;
  readonly settings: MessageSettings;
  readonly destinations: readonly DestinationConfig[];
  readonly log: Log;
  /** A thread died unasked: the process must end. */
  readonly died: (error: Error) => void;
  /** For a test. */
  readonly doors?: MonitorDoors;
}

/** A record that says how well an interval was seen is never too many. */
const GAP = /\b(?:NODATA|SKIPDATA)\b/;

const nowUs = (): number => Date.now() * 1000;

export class TrafficInput implements Input {
  readonly #config: TrafficConfig;
  readonly #log: Log;
  readonly #voice: Voice;
  readonly #outflow: Outflow;
  readonly #messages: TrafficMessages;
  readonly #file: TrafficLog | undefined;
  readonly #monitor: Monitor;
  readonly #ownTargets: readonly Target[];
  readonly #heldBack = new Map<Turn, number>();
  #since = new Date();
  #ownDelivery = 0;
  #lossesSinceUs = 0;
  /** Of the interval that ends then: records so far, and those over `maxRecords`. */
  #recordsEndUs = 0;
  #recordsNow = 0;
  #recordsOverNow = 0;
  #recordsOver = 0;
  #isFlushing = false;
  #isStarted = false;
  #stopping: Promise<void> | undefined;

  constructor(config: TrafficConfig, parts: TrafficParts) {
    this.#config = config;
    this.#log = parts.log;
    this.#voice = new Voice(parts.log, Date.now, { input: config.name });
    this.#outflow = new Outflow(parts.sink, parts.settings);
    const { quality, zone } = parts.settings;
    this.#messages = new TrafficMessages(this.#outflow, quality, config.facility, process.pid);
    const warn = (kind: string, sentence: string) => this.#voice.warn(kind, sentence);
    this.#file = config.log && new TrafficLog(config.log, { zone, warn });
    this.#ownTargets = parts.destinations.flatMap(({ to }) => to).filter(({ scheme }) => scheme === 'udp');
    this.#monitor = new Monitor(
      monitorSettings(config),
      {
        onEvent: (facts, owners) => this.#onEvent(facts, owners),
        onRecords: (lines, endUs) => this.#onRecords(lines, endUs),
        onInterface: (state) => this.#onInterface(state),
        onLosses: (losses) => this.#onLosses(losses),
        onDied: parts.died,
      },
      parts.doors,
    );
  }

  async start(): Promise<void> {
    await this.#monitor.start();
    this.#isStarted = true;
    this.#since = new Date();
    this.#lossesSinceUs = nowUs();
    await this.#file?.start();
    const words = watchedWords(this.#config);
    this.#log.info(`Watching the connections on ${words}.`, { event: 'watching' });
    this.#notice(watchNotice(true, words, nowUs()));
    for (const state of this.#monitor.interfaces()) if (state.state !== 'captured') this.#onInterface(state);
    for (const { works, sentence } of this.#monitor.who()?.ways ?? [])
      if (!works) this.#log.info(`Owners of connections: ${sentence}`, { event: 'owners' });
  }

  // ---- what is seen

  #onEvent(facts: SeenFacts, owners: Owners): void {
    this.#file?.event(facts, owners);
    if (facts.isHeldBack) return;
    if (this.#isOwnDelivery(facts, owners)) this.#ownDelivery += 1;
    else this.#messages.event(facts, owners);
    this.#flushSoon();
  }

  /** A name among the targets may mean any address; then the owner, where one is known, must be this process. */
  #isOwnDelivery(
    { protocol, isClientOwn, serverAddress, serverPort }: SeenFacts,
    { client }: Owners,
  ): boolean {
    if (protocol !== PROTOCOL.udp || !isClientOwn) return false;
    if (client?.pid !== undefined && client.pid !== process.pid) return false;
    return this.#ownTargets.some(
      ({ host, port }) => port === serverPort && (isIP(host) === 0 || host === serverAddress),
    );
  }

  #onRecords(lines: readonly string[], endUs: number): void {
    if (endUs !== this.#recordsEndUs) this.#nextInterval(endUs);
    for (const line of lines) {
      if (this.#recordsNow < this.#config.maxRecords || GAP.test(line)) this.#messages.record(line, endUs);
      else this.#recordsOverNow += 1;
      this.#recordsNow += 1;
    }
    this.#flushSoon();
  }

  /** An interval has been told: what of it was not is told as a number. */
  #nextInterval(endUs: number): void {
    const over = this.#recordsOverNow;
    const timeUs = this.#recordsEndUs;
    this.#recordsEndUs = endUs;
    this.#recordsNow = 0;
    this.#recordsOverNow = 0;
    if (over === 0) return;
    this.#recordsOver += over;
    this.#notice(recordsNotice(over, this.#config.maxRecords, timeUs));
  }

  #onInterface(state: InterfaceState): void {
    if (!this.#isStarted) return;
    this.#file?.interface(state);
    const notice = interfaceNotice(state, nowUs());
    this.#notice(notice);
    if (state.state === 'captured') this.#log.info(notice.sentence, { event: 'interface' });
    else this.#voice.warn('interface', notice.sentence);
  }

  #onLosses(losses: Losses): void {
    for (const [turn, count = 0] of Object.entries(losses.heldBack) as [Turn, number | undefined][])
      if (count > 0) this.#heldBack.set(turn, (this.#heldBack.get(turn) ?? 0) + count);
    const notice = lossNotice(losses, this.#lossesSinceUs);
    this.#lossesSinceUs = losses.timeUs;
    if (notice === undefined) return;
    this.#file?.losses(losses);
    this.#notice(notice);
  }

  #notice(notice: Notice): void {
    this.#messages.notice(notice);
    this.#flushSoon();
  }

  // ---- as an input

  /** Once for all that was told within a turn of the event loop. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#outflow.flush();
    if (this.#messages.unsent === 0) return;
    this.#voice.warn(
      'queue_full',
      'No queue has room: messages about connections are dropped, and counted, until there is.',
    );
  }

  resume(): void {
    if (this.#outflow.isHeld) this.#outflow.flush();
  }

  /** At SIGHUP. */
  async reopen(): Promise<void> {
    await this.#file?.reopen();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#monitor.stop();
    if (!this.#isStarted) return;
    this.#nextInterval(0);
    const words = watchedWords(this.#config);
    this.#notice(watchNotice(false, words, nowUs()));
    this.#outflow.flush();
    await this.#file?.stop();
  }

  status(): InputStatus {
    const { interfaces, trouble } = this.#interfaceWords();
    return {
      name: this.#config.name,
      type: 'traffic',
      messages: this.#outflow.messages,
      bytes: this.#outflow.bytes,
      dropped: {
        queue_full: this.#messages.unsent,
        stopped: this.#stopping === undefined ? 0 : this.#outflow.batch.count,
      },
      noted: { cut: this.#outflow.batch.cut },
      position: `watches ${interfaces}`,
      lag: {},
      isHeld: this.#outflow.isHeld,
      trouble,
    };
  }

  #interfaceWords(): { interfaces: string; trouble: string | undefined } {
    const states = this.#monitor.interfaces();
    const good = states.filter(({ state }) => state === 'captured').map(({ name }) => name);
    const bad = states.filter(({ state }) => state !== 'captured');
    return {
      interfaces: good.length === 0 ? 'no interface' : good.join(', '),
      trouble:
        bad.length === 0
          ? undefined
          : bad.map(({ name, trouble, state }) => `${name} is not watched: ${trouble ?? state}`).join(' '),
    };
  }

  traffic(): TrafficStatus {
    return {
      since: this.#since.toISOString(),
      filter: this.#config.filter ?? null,
      interfaces: this.#monitor.interfaces(),
      counts: this.#monitor.counts(),
      events: this.#messages.events,
      heldBack: Object.fromEntries([...this.#heldBack].map(([turn, count]) => [EVENT_NAMES[turn], count])),
      records: this.#messages.made.get('record') ?? 0,
      recordsOver: this.#recordsOver + this.#recordsOverNow,
      ownDelivery: this.#ownDelivery,
      unasked: this.#monitor.unasked,
      owners: this.#monitor.who()?.ways ?? null,
      log: this.#file?.status() ?? null,
    };
  }
}
