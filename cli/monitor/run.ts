// `belfry monitor` from its start to its end: what is seen goes to the screen or to lines, and to the log if there is
// one. Promises: a fault is told before the terminal is touched; whatever ends it, the terminal is restored first, then
// the last events reach the log.
// Refuses: to run on when a thread has died. Nothing would be seen any more, and nobody would know.

import { closeSync, openSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import { codeOf, EXIT, Fault } from '../../base/fault.ts';
import { printCount, printCountOf } from '../../base/units.ts';
import type { CaptureSettings, InterfaceState, SeenFacts } from '../../client/monitor/capture.port.ts';
import {
  Monitor,
  type MonitorDoors,
  type MonitorListener,
  type MonitorSettings,
} from '../../client/monitor/monitor.ts';
import { Who } from '../../client/monitor/who/who.ts';
import { Capture } from '../../client/monitor/capture.ts';
import { TrafficLog } from '../../client/monitor/traffic-log.ts';
import { hasReader } from '../../kernel/reader.ts';
import { zoneFor } from '../../syslog/time.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import { RATE_LIMITS } from '../../traffic/events/rate.ts';
import { VERSION_2_FIELDS } from '../../traffic/events/record.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import type { Io } from '../io.ts';
import { jsonPrinter, logPrinter } from './event-lines.ts';
import { type Ending, lineShow, screenShow, type Show } from './show.ts';
import { sourceOf } from './source.ts';

export interface MonitorPlan {
  readonly output: 'screen' | 'json' | 'lines';
  readonly interfaces: readonly string[];
  readonly filter: string | undefined;
  readonly log: string | undefined;
  readonly durationMs: number | undefined;
  readonly count: number | undefined;
  readonly recordsMs: number | undefined;
  readonly owners: boolean;
  readonly promiscuous: boolean;
}

/** What a test puts in the place of the network, and of standard output. */
export interface MonitorWorld {
  readonly doors: MonitorDoors;
  readonly stdout?: string;
}

const REAL: MonitorWorld = {
  doors: {
    openCapture: (settings, listener) => new Capture(settings, listener),
    openWho: (settings, listener) => new Who(settings, listener),
  },
};

/** As the defaults of the agent (config/traffic.schema.ts). */
const SNAP_BYTES = 256;
const RING_BYTES = 32 * 1024 * 1024;
const LOG_MODE = 0o640;
/** The same trouble of the log is said once in so long. */
const TROUBLE_MS = 60_000;

export function settingsOf(plan: MonitorPlan): MonitorSettings {
  const { interfaces, filter, promiscuous, recordsMs, output } = plan;
  const capture: CaptureSettings = {
    ...{ interfaces, filter, promiscuous },
    snapBytes: SNAP_BYTES,
    ringBytes: RING_BYTES,
    limits: {},
    turns: Object.keys(EVENT_NAMES) as Turn[],
    // Nobody reads more than this on a screen; a program may want all of it, and so does a log.
    rate: output === 'screen' ? RATE_LIMITS : undefined,
    tellsHeldBack: plan.log !== undefined,
    records:
      recordsMs === undefined
        ? undefined
        : { intervalUs: recordsMs * 1000, account: '-', fields: VERSION_2_FIELDS },
  };
  return { capture, owners: plan.owners };
}

/** Before anything is opened: a log that cannot be written is no log. */
function checkLog(path: string): void {
  try {
    closeSync(openSync(path, 'a', LOG_MODE));
  } catch (error) {
    throw new Fault('CONFIG_FILE_NOT_WRITABLE', {
      what: `The log cannot be written: ${codeOf(error) ?? String(error)}.`,
      where: path,
      mend: 'Its folder must exist and be writable for this user; -L takes any path.',
    });
  }
}

/** The capture speaks of the agent's service; here somebody stands at a shell. */
function forPerson(error: unknown): unknown {
  if (!(error instanceof Fault) || error.code !== 'CAPTURE_PERMISSION') return error;
  const mend =
    'Run it with sudo. Or give the right to a Node.js that nothing else uses, with setcap(8): cap_net_raw+ep, and cap_net_admin,cap_sys_ptrace for the processes of other users (docs/operate/watch.md).';
  return new Fault(error.code, { ...error.text, mend });
}

/** Resolves once, with what came first. */
class Until {
  readonly ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // Whoever waits for it comes later.
    this.ended.catch(() => undefined);
  }

  readonly end = (ending: Ending): void => this.#end(ending);
  readonly fail = (error: Error): void => this.#fail(error);
}

function isUtf8({ env }: Io): boolean {
  return /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
}

export class MonitorRun {
  readonly #plan: MonitorPlan;
  readonly #io: Io;
  readonly #until = new Until();
  readonly #monitor: Monitor;
  readonly #log: TrafficLog | undefined;
  readonly #show: Show;
  readonly #said = new Map<string, number>();
  /** Interfaces that were told before the log was there; undefined: it is. */
  #early: InterfaceState[] | undefined = [];
  #events = 0;
  #isShowing = true;

  constructor(plan: MonitorPlan, io: Io, world: MonitorWorld) {
    this.#plan = plan;
    this.#io = io;
    const zone = zoneFor('local');
    const warn = (kind: string, sentence: string) => this.#warn(kind, sentence);
    this.#log =
      plan.log === undefined ? undefined : new TrafficLog({ path: plan.log, mode: LOG_MODE }, { zone, warn });
    this.#monitor = new Monitor(settingsOf(plan), this.#listener(), world.doors);
    this.#show =
      plan.output === 'screen'
        ? this.#openScreen()
        : lineShow(
            plan.output === 'json' ? jsonPrinter : logPrinter(zone),
            (sentence) => io.stderr(`${sentence}\n`),
            this.#until.end,
            world.stdout,
          );
  }

  #openScreen(): Show {
    const { interfaces, filter, log } = this.#plan;
    const watched = interfaces.includes('any') ? 'all interfaces' : interfaces.join(', ');
    return screenShow(sourceOf(this.#monitor), {
      // Both are terminals: the plan says screen only then.
      stdin: process.stdin as ReadStream,
      stdout: process.stdout as WriteStream,
      hasColours: !this.#io.env['NO_COLOR'],
      isUnicode: isUtf8(this.#io),
      settings: { filter, watched, log },
      end: this.#until.end,
      reopen: () => this.#reopenLog(),
    });
  }

  #listener(): MonitorListener {
    return {
      onEvent: (facts, owners) => this.#event(facts, owners),
      onRecords: (lines) => this.#show.records(lines),
      onInterface: (state) => this.#interface(state),
      onLosses: (losses) => {
        this.#log?.losses(losses);
        this.#show.losses(losses);
      },
      onDied: this.#until.fail,
    };
  }

  /** At the start the log says it after its first line; who looks wants to hear of changes, and of what is missing. */
  #interface(state: InterfaceState): void {
    if (this.#early) this.#early.push(state);
    else this.#log?.interface(state);
    if (!this.#early || state.state !== 'captured') this.#show.interface(state);
  }

  async #startLog(): Promise<void> {
    await this.#log?.start();
    for (const state of this.#early ?? []) this.#log?.interface(state);
    this.#early = undefined;
  }

  #event(facts: SeenFacts, owners: Owners): void {
    this.#log?.event(facts, owners);
    if (!this.#isShowing) return;
    this.#show.event(facts, owners);
    this.#events += 1;
    if (this.#events !== this.#plan.count) return;
    this.#isShowing = false;
    this.#until.end('count');
  }

  #warn(kind: string, sentence: string): void {
    const now = performance.now();
    if (now - (this.#said.get(kind) ?? Number.NEGATIVE_INFINITY) < TROUBLE_MS) return;
    this.#said.set(kind, now);
    this.#show.trouble(sentence);
  }

  /** Exits 1 where a number of events was waited for and did not come. */
  async run(): Promise<number> {
    await this.#monitor.start().catch((error: unknown) => {
      throw forPerson(error);
    });
    await this.#startLog();
    this.#listenToSignals();
    const { durationMs, count } = this.#plan;
    const timer =
      durationMs === undefined ? undefined : setTimeout(() => this.#until.end('time'), durationMs);
    this.#sayMissing();
    this.#show.start();
    try {
      const ending = await this.#until.ended;
      await this.#stop(ending);
    } finally {
      clearTimeout(timer);
      await this.#show.stop();
    }
    return count !== undefined && this.#events < count ? EXIT.nothing : EXIT.ok;
  }

  /** False: there is none. */
  #reopenLog(): boolean {
    void this.#log?.reopen();
    return this.#log !== undefined;
  }

  /** The screen says it itself. */
  #sayMissing(): void {
    const missing = sourceOf(this.#monitor).ownersTrouble();
    if (this.#plan.output !== 'screen' && missing !== undefined) this.#io.stderr(`${missing}\n`);
  }

  /** The screen has its own (terminal.ts). */
  #listenToSignals(): void {
    if (this.#plan.output === 'screen') return;
    process.on('SIGTERM', this.#until.end);
    process.on('SIGINT', this.#until.end);
    // As daemons do: another name for the log. Without one a hangup is the end.
    process.on('SIGHUP', (signal) => {
      if (!this.#reopenLog()) this.#until.end(signal);
    });
  }

  /** The terminal first: nobody has to wait for it. What is open still comes last, for the log and for a program. */
  async #stop(ending: Ending): Promise<void> {
    if (this.#plan.output === 'screen') await this.#show.stop(this.#sum());
    await this.#monitor.stop();
    await this.#log?.stop();
    await this.#show.stop(ending === 'gone' ? undefined : this.#sum());
    this.#hangUp();
  }

  #sum(): string {
    const { packets, dropped, unheard } = sourceOf(this.#monitor).counts();
    const lost = dropped === 0 ? 'none dropped' : `${printCount(dropped)} dropped by the kernel`;
    const missed = unheard === 0 ? '' : `; ${printCountOf(unheard, 'event')} not told, there were too many`;
    const log = this.#plan.log === undefined ? '' : `; the log is ${this.#plan.log}`;
    return `${printCountOf(this.#events, 'event')} in ${printCountOf(packets, 'packet')}, ${lost}${missed}${log}.\n`;
  }

  /**
   * Where the terminal has gone (an ssh session that broke) everything is done by now, and the end is that of any
   * program that is hung up. Node's own way out asserts that it can still set the terminal, and would dump core
   * (node::ResetStdio, seen with 20.20).
   */
  #hangUp(): void {
    const { stdinIsTerminal, stdoutIsTerminal, stderrIsTerminal } = this.#io;
    const terminals = [stdinIsTerminal, stdoutIsTerminal, stderrIsTerminal];
    if (terminals.every((isTerminal, fd) => !isTerminal || hasReader(fd))) return;
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  }
}

export async function runMonitor(plan: MonitorPlan, io: Io, world = REAL): Promise<number> {
  if (plan.log !== undefined) checkLog(plan.log);
  return await new MonitorRun(plan, io, world).run();
}
