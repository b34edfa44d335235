// The central server as one thing that opens, reloads and stops. The main thread, where this runs, supervises
// the lanes and answers questions; it never touches a message.
//
// Opens in the order sockets, lanes, control socket, HTTP: the first message can be taken before the pages are
// up. Stops in the reverse order, within a deadline.

import { resourceUsage } from 'node:process';
import type { ControlServer } from '../base/control-socket.ts';
import { endsBy } from '../base/deadline.ts';
import type { Fault } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import type { Beat } from '../base/pulse.ts';
import { printSize } from '../base/units.ts';
import type { ServerConfig } from '../config/server.ts';
import type { BoundSocket } from '../kernel/socket.ts';
import { openControl } from './control/control.ts';
import { FileJobs } from './files/rotation.ts';
import { TroubleBook } from './files/trouble-book.ts';
import type { HttpServer } from './http/http.ts';
import { Intake } from './intake/intake.ts';
import type { LaneThread } from './intake/lane.ts';
import type { LaneReport } from './intake/lane.port.ts';
import type { PassedSocket } from './intake/listeners.ts';
import { TlsBook } from './tls/tls-book.ts';
import type { TlsReport } from './tls/tls.port.ts';
import { type NtpServer, openNtp } from './time/ntp.ts';
import type { ClientStatus } from './time/status.ts';
import { type SenderStatus, SenderView } from './sender-view.ts';
import { connectionStatus, listenerStatus, messageStatus, relpStatus, type ServerStatus } from './status.ts';

export interface ServerParts {
  readonly config: ServerConfig;
  readonly log: Log;
  readonly version: string;
  /** Sockets that the service manager has opened for us. */
  readonly passed: readonly PassedSocket[];
  /** The same, for the time server. */
  readonly passedNtp: readonly BoundSocket[];
  /** Threads that were booted ahead of time; what is not needed of them is ended. */
  readonly threads?: LaneThread[];
  /** Something that cannot be survived: a lane that died. The process must end. */
  died(error: Error): void;
}

const WATCH_MS = 1000;
const JOB_RETRY_MS = 60_000;
/** Files in trouble that are named one by one; of a full disk it may be tens of thousands. */
const TROUBLED_SHOWN_MAX = 100;

export class Server {
  readonly #parts: ServerParts;
  readonly #log: Log;
  readonly #senders: SenderView;
  readonly #troubles: TroubleBook;
  readonly #jobs: FileJobs;
  readonly #intake: Intake;
  readonly #tls: TlsBook;
  readonly #startedAt = new Date();
  #config: ServerConfig;
  #loadedAt = new Date();
  #ntp: NtpServer | undefined;
  #control: ControlServer | undefined;
  #http: HttpServer | undefined;
  #watch: NodeJS.Timeout | undefined;
  #failedReloads = 0;
  #rotated = 0;
  #jobsFailed = 0;
  #syncFailureSaidAtMs = 0;
  #state: 'running' | 'stopping' = 'running';
  /** A reload that is under way; the stop waits for it. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#config = parts.config;
    this.#senders = new SenderView(parts.log, parts.config.senders.silentAfterMs);
    this.#troubles = new TroubleBook(parts.log, Date.now);
    this.#intake = new Intake({
      log: parts.log,
      passed: parts.passed,
      threads: parts.threads ?? [],
      lane: (number, senders) => this.#senders.addLane(number, senders),
      report: (lane, report) => this.#hear(lane, report),
      tls: (report) => this.#hearTls(report),
      died: (error) => parts.died(error),
    });
    this.#tls = new TlsBook(parts.log, this.#intake.tlsCounts);
    this.#jobs = new FileJobs({
      reopen: (path) => this.#intake.reopen(path),
      done: (job) => {
        if (job === 'rotate') this.#rotated += 1;
      },
      failed: (job, path, error) => this.#jobFailed(job, path, error),
    });
  }

  // ---- opening

  /** Takes messages when it returns. A Fault: nothing was left open. */
  async open(): Promise<void> {
    // Both at once, since threads take a moment to start; a fault is told below.
    const intake = this.#intake.open(this.#config);
    intake.catch(() => undefined);
    const ntp = this.#openNtp(this.#config, this.#parts.passedNtp);
    ntp.catch(() => undefined);
    try {
      await intake;
      await ntp;
      this.#control = await openControl(this.#config.control, this);
      await this.#openHttp(this.#config);
    } catch (fault) {
      await Promise.allSettled([intake, ntp]);
      await this.stop(1000);
      throw fault;
    }
    this.#tls.certified(this.#intake.credentials, Date.now());
    this.#watch = setInterval(() => this.#watchOver(), WATCH_MS);
  }

  async #openNtp({ ntp }: ServerConfig, passed: readonly BoundSocket[]): Promise<void> {
    if (!ntp) {
      if (passed.length > 0)
        this.#log.warn(
          'The service manager passed a socket for time, but the configuration has no section "ntp".',
        );
      return;
    }
    const { log } = this.#parts;
    this.#ntp = await openNtp({ config: ntp, passed, log, died: (error) => this.#parts.died(error) });
  }

  /** Loaded late: the pages may come after the first message, and a server without them never pays. */
  async #openHttp({ http }: ServerConfig): Promise<void> {
    if (!http) return;
    const { openHttp } = await import('./http/http.ts');
    this.#http = await openHttp(http.listen, this);
    this.#log.debug(`Pages at ${this.#http.address}/metrics, /healthz, /status and /senders.`);
  }

  // ---- what lanes report

  #hear(lane: number, report: LaneReport): void {
    switch (report.kind) {
      case 'sender':
        this.#senders.named(lane, report.named);
        return;
      case 'troubled':
        this.#troubles.troubled(lane, report.path, report.trouble, report.error);
        return;
      case 'recovered':
        this.#troubles.recovered(lane, report.path);
        return;
      case 'grown':
        this.#jobs.rotate(report.path, report.rotate);
        return;
      case 'unsynced':
        for (const path of report.paths) this.#jobs.sync(path);
        return;
      case 'accepting':
        this.#sayAccepting(report.paused, report.error);
        return;
      default:
    }
  }

  #hearTls(report: TlsReport): void {
    if (report.kind === 'exhausted') this.#sayAccepting(true, report.error);
    if (report.kind === 'trouble') this.#tls.failed(report.said, Date.now());
  }

  #sayAccepting(paused: boolean, error: string): void {
    if (!paused) return;
    this.#log.warn(`No descriptor is left for a new connection (${error}).`, {
      event: 'descriptors_exhausted',
      mend: 'Raise LimitNOFILE of the service.',
    });
  }

  /** A file that is opened anew is looked at anew: whether it has grown too large, for one. */
  async #reopen(path?: string): Promise<void> {
    if (this.#state === 'stopping') return;
    await this.#intake.reopen(path);
  }

  #jobFailed(job: 'rotate' | 'sync', path: string, error: Error): void {
    this.#jobsFailed += 1;
    if (job === 'rotate') {
      this.#log.warn(`${path} could not be rotated: ${error.message}. It is tried again in a minute.`);
      setTimeout(() => void this.#reopen(path), JOB_RETRY_MS).unref();
      return;
    }
    // Each file is synced once a second: a disk in trouble is one line a minute all the same.
    const nowMs = Date.now();
    if (Math.abs(nowMs - this.#syncFailureSaidAtMs) < JOB_RETRY_MS) return;
    this.#syncFailureSaidAtMs = nowMs;
    this.#log.error(
      `${path} could not be synced to disk: ${error.message}. What was written may not survive a power cut.`,
    );
  }

  #watchOver(): void {
    this.#troubles.tick();
    this.#senders.watch(Date.now());
    this.#tls.watch(Date.now());
  }

  // ---- reloading

  /** A good configuration takes effect without losing a message or a connection; files are opened anew. */
  reload(config: ServerConfig): Promise<void> {
    const reloading = this.#busy.then(() => this.#reload(config));
    this.#busy = reloading.catch(() => undefined);
    return reloading;
  }

  async #reload(config: ServerConfig): Promise<void> {
    if (this.#state === 'stopping') return;
    const plan = await this.#intake.plan(config);
    const old = this.#config;
    try {
      await this.#moveDoors(old, config);
    } catch (fault) {
      this.#intake.discard(plan);
      throw fault;
    }
    this.#config = config;
    await this.#intake.carryOut(plan);
    this.#tls.certified(this.#intake.credentials, Date.now());
    this.#senders.configure(config.senders.silentAfterMs);
    this.#loadedAt = new Date();
    if (
      old.syslog.lanes !== config.syslog.lanes ||
      old.syslog.maxMessageBytes !== config.syslog.maxMessageBytes
    ) {
      this.#log.warn('syslog.lanes and syslog.maxMessageSize take effect at the next start.');
    }
  }

  /** The pages and the control socket move to where `to` wants them, or stay where they stood. */
  async #moveDoors(from: ServerConfig, to: ServerConfig): Promise<void> {
    try {
      await this.#openDoors(from, to);
    } catch (fault) {
      await this.#openDoors(to, from);
      throw fault;
    }
  }

  async #openDoors(from: ServerConfig, to: ServerConfig): Promise<void> {
    if (JSON.stringify(from.ntp) !== JSON.stringify(to.ntp)) await this.#moveNtp(to);
    if (JSON.stringify(from.http) !== JSON.stringify(to.http)) {
      await this.#http?.stop();
      this.#http = undefined;
      await this.#openHttp(to);
    }
    if (JSON.stringify(from.control) !== JSON.stringify(to.control)) {
      await this.#control?.stop();
      this.#control = undefined;
      this.#control = await openControl(to.control, this);
    }
  }

  /** Its sockets, clients and counters stay where it goes on. */
  async #moveNtp(to: ServerConfig): Promise<void> {
    if (to.ntp && this.#ntp) return await this.#ntp.configure(to.ntp);
    await this.#ntp?.stop();
    this.#ntp = undefined;
    return await this.#openNtp(to, []);
  }

  /** The files are opened anew all the same: whoever rotated them counts on it. */
  async reloadFailed(faults: readonly Fault[]): Promise<void> {
    this.#failedReloads += 1;
    for (const fault of faults) this.#log.fault(fault);
    await this.#reopen();
    this.#log.error('The new configuration was not taken; the server goes on with the one it has.', {
      event: 'reload_failed',
      faults: faults.length,
    });
  }

  // ---- stopping

  /** Takes no more, writes what was received, closes everything. May be called twice. */
  async stop(withinMs: number): Promise<void> {
    this.#state = 'stopping';
    clearInterval(this.#watch);
    const deadlineMs = Date.now() + withinMs;
    await endsBy(Date.now() + withinMs / 2, this.#busy);
    const unwritten = await this.#intake.stop(deadlineMs);
    if (unwritten > 0) {
      this.#log.error(
        `${printSize(unwritten)} of messages could not be written before the end and are lost.`,
        {
          event: 'unwritten_at_stop',
          bytes: unwritten,
        },
      );
    }
    await Promise.all([
      this.#ntp?.stop(),
      this.#jobs.stop(deadlineMs),
      this.#http?.stop(),
      this.#control?.stop(),
    ]);
  }

  // ---- what is asked

  /** Signs of life, of each thread. */
  beats(): Beat[] {
    return [...this.#intake.beats(), ...(this.#ntp ? [this.#ntp.beat] : [])];
  }

  senders(): readonly SenderStatus[] {
    return this.#senders.list(Date.now());
  }

  clients(): readonly ClientStatus[] {
    return this.#ntp?.clients() ?? [];
  }

  status(): ServerStatus {
    this.#senders.refresh(Date.now());
    const { counts } = this.#intake;
    const listeners = this.#intake.listeners.map((listener, at) => listenerStatus(at, listener, counts));
    const usage = resourceUsage();
    const troubled = this.#troubles.list();
    return {
      program: 'belfry serve',
      version: this.#parts.version,
      pid: process.pid,
      state: this.#state,
      startedAt: this.#startedAt.toISOString(),
      uptimeS: Math.round((Date.now() - this.#startedAt.getTime()) / 1000),
      config: {
        path: this.#config.path,
        loadedAt: this.#loadedAt.toISOString(),
        rules: this.#config.rules.length,
        failedReloads: this.#failedReloads,
      },
      listeners,
      messages: messageStatus(listeners, counts),
      connections: connectionStatus(counts),
      relp: relpStatus(counts),
      tls: this.#tls.status(),
      files: {
        open: counts.lane('filesOpen'),
        lines: counts.lane('lines'),
        bytes: counts.lane('fileBytes'),
        writes: counts.lane('fileWrites'),
        evicted: counts.lane('filesEvicted'),
        rotated: this.#rotated,
        jobsWaiting: this.#jobs.waitingCount,
        jobsFailed: this.#jobsFailed,
        troubled: troubled.slice(0, TROUBLED_SHOWN_MAX),
        troubledCount: troubled.length,
      },
      routing: { decisions: counts.lane('decisions'), decisionsForgotten: counts.lane('decisionsForgotten') },
      senders: {
        known: this.#senders.knownCount,
        silent: this.#senders.silentCount,
        silences: this.#senders.silences,
        untracked: counts.lane('sendersUntracked'),
      },
      ntp: this.#ntp?.status() ?? null,
      process: {
        residentBytes: process.memoryUsage.rss(),
        cpuS: Math.round((usage.userCPUTime + usage.systemCPUTime) / 1e4) / 100,
      },
    };
  }
}
