// A transport that is there for ever: it finds the address of a target, opens a connection, lets it deliver, and
// when that ends for whatever reason goes back in the queue and tries again, with the next target if there is
// one. Promises: nothing waits for DNS or a peer but this destination; the queue hands out again exactly what is
// not known to have arrived; the state is true at any time.
//
// Refuses: to know a protocol. Schemes differ in how they open a connection.

import { assert } from '../../base/assert.ts';
import { type Connection, type Listener, type Open, TICK_MS } from './connection.ts';
import { Names } from './names.ts';
import { Tally } from './tally.ts';
import { Targets } from './targets.ts';
import type {
  Transport,
  TransportCounts,
  TransportOptions,
  TransportParts,
  TransportState,
  TransportTarget,
} from './transport.ts';
import type { Trouble } from './trouble.ts';
import { TransportVoice } from './voice.ts';

export class PersistentTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #parts: TransportParts;
  readonly #open: Open;
  readonly #now: () => number;
  readonly #targets: Targets;
  readonly #names: Names;
  readonly #tally = new Tally();
  readonly #voice: TransportVoice;
  #state: TransportState = { kind: 'stopped' };
  /** Of the try that is under way. */
  #abort = new AbortController();
  #connection: Connection | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #tickTimer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #stopping: Promise<void> | undefined;
  #stopped: () => void = () => undefined;

  constructor(options: TransportOptions, parts: TransportParts, open: Open) {
    this.#options = options;
    this.#parts = parts;
    this.#open = open;
    this.#now = parts.now ?? Date.now;
    this.#targets = new Targets(options.to, options.retry, parts.random ?? Math.random);
    this.#names = new Names(parts.resolve, options.timeoutMs);
    this.#voice = new TransportVoice(parts.log, options.name, this.#now);
  }

  start(): void {
    assert(!this.#isStarted, 'a transport is started once');
    this.#isStarted = true;
    this.#tickTimer = setInterval(() => this.#connection?.tick(), TICK_MS);
    this.#tryNext();
  }

  wake(): void {
    this.#connection?.wake();
  }

  state(): TransportState {
    return this.#state;
  }

  counts(): TransportCounts {
    return { ...this.#tally.counts };
  }

  // ---- tries

  #tryNext(): void {
    const target = this.#targets.due(performance.now());
    assert(target !== undefined, 'a try is made when a target is due');
    this.#state = { kind: 'connecting', target: target.text };
    this.#abort = new AbortController();
    void this.#try(target, this.#abort.signal);
  }

  async #try(target: TransportTarget, signal: AbortSignal): Promise<void> {
    const found = await this.#names.find(target.host);
    if (signal.aborted) return;
    if (!found.ok) {
      this.#failed(target, found.trouble);
      return;
    }
    const opened = await this.#open({
      target,
      addresses: found.addresses,
      signal,
      partsFor: (peer) => this.#partsFor(target, peer),
    });
    if (signal.aborted) {
      if (opened.ok) opened.connection.drop();
    } else if (opened.ok) {
      this.#connection = opened.connection;
    } else {
      this.#failed(target, opened.trouble);
    }
  }

  #partsFor(target: TransportTarget, peer: string) {
    const { reader } = this.#parts;
    const listener: Listener = {
      ready: () => this.#ready(target, peer),
      proved: () => this.#targets.proved(target),
      ended: (trouble) => this.#ended(target, trouble),
    };
    return { options: this.#options, reader, tally: this.#tally, voice: this.#voice, peer, listener };
  }

  #ready(target: TransportTarget, peer: string): void {
    if (this.#stopping !== undefined) return;
    const { counts } = this.#tally;
    counts.connections += 1;
    this.#state = { kind: 'connected', target: target.text, address: peer, sinceMs: this.#now() };
    this.#voice.delivering(target.text, peer, counts.failures);
    counts.failures = 0;
  }

  #ended(target: TransportTarget, trouble: Trouble | undefined): void {
    this.#connection = undefined;
    this.#parts.reader.rewind();
    if (this.#stopping !== undefined) this.#stopped();
    else if (trouble === undefined) this.#later(target, { why: 'a new connection is due', mend: undefined });
    else this.#failed(target, trouble);
  }

  #failed(target: TransportTarget, trouble: Trouble): void {
    if (this.#stopping !== undefined) return;
    this.#tally.counts.failures += 1;
    this.#targets.failed(target, performance.now());
    this.#voice.notDelivering(trouble);
    this.#later(target, trouble);
  }

  #later(target: TransportTarget, { why, mend }: Trouble): void {
    const inMs = Math.max(0, this.#targets.dueMs - performance.now());
    const retryAtMs = this.#now() + Math.ceil(inMs);
    this.#state = { kind: 'waiting', target: target.text, why, mend, retryAtMs };
    // One more millisecond, since timers may come early by a fraction of it.
    this.#retryTimer = setTimeout(() => this.#tryNext(), Math.ceil(inMs) + 1);
  }

  // ---- the end

  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    clearTimeout(this.#retryTimer);
    // Makes `#stopping` known before anything below can end the connection.
    await Promise.resolve();
    this.#abort.abort();
    if (this.#connection !== undefined) await this.#leave(this.#connection, deadlineMs);
    clearInterval(this.#tickTimer);
    this.#state = { kind: 'stopped' };
  }

  async #leave(connection: Connection, deadlineMs: number): Promise<void> {
    const over = new Promise<void>((done) => {
      this.#stopped = done;
    });
    const late = setTimeout(() => connection.drop(), Math.max(0, deadlineMs - this.#now()));
    connection.leave();
    await over;
    clearTimeout(late);
  }
}
