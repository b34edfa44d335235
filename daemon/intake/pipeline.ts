// The way of a message through a lane: read, decide, print into the buffers of its files. One thread, no
// waiting, nothing allocated for an ordinary message.
//
// Promises: a message is taken whole or not at all. One that is refused, because a file of its is in trouble
// and has no room, was not written to any other file either, and may be offered again.

import type { ServerConfig } from '../../config/server.ts';
import { isClean } from '../../syslog/escape.ts';
import { datagramMessageStart } from '../../syslog/framing.ts';
import { parseMessage } from '../../syslog/parse.ts';
import type { LinePrinter } from '../../syslog/print.ts';
import { LogRecord, TROUBLE } from '../../syslog/record.ts';
import { resolveTime } from '../../syslog/time.ts';
import { Decisions, type Decision, askSteps, factsOf } from '../route/decisions.ts';
import { compileRules } from '../route/rules.ts';
import { FileSet, type FileSetParts } from '../files/file-set.ts';
import type { LogFile } from '../files/log-file.ts';
import type { Arena } from './arena.ts';
import { droppedSlot, LANE_SLOT, LISTENER_SLOT, listenerBase, TROUBLE_SLOT_0 } from './counts.ts';
import type { Peer } from './peers.ts';
import { ROW, type SenderRows } from './senders.ts';

/** The skew of a sender's clock is looked at no more often than this. */
const SKEW_EVERY_MS = 1000;

export class Pipeline {
  readonly files: FileSet;
  /** Time of reception of what is taken now, in milliseconds since 1970; set once a batch. */
  receivedMs = Date.now();

  /** The files that the message went to that was taken last with `takeOrHold`. Good until the next is taken. */
  lastFiles: readonly LogFile[] = [];

  readonly #arena: Arena;
  readonly #printer: LinePrinter;
  readonly #counts: Float64Array;
  readonly #senders: SenderRows;
  readonly #record = new LogRecord();
  readonly #asked: LogFile[] = [];
  readonly #instant = { sec: 0, nanos: 0 };
  #decisions: Decisions;

  constructor(
    config: ServerConfig,
    own: { arena: Arena; counts: Float64Array; senders: SenderRows; files: FileSetParts },
  ) {
    this.#arena = own.arena;
    this.#printer = own.files.printer;
    this.#counts = own.counts;
    this.#senders = own.senders;
    this.files = new FileSet(own.files, config.files.maxOpen);
    this.#decisions = this.#compile(config);
  }

  #compile(config: ServerConfig): Decisions {
    return new Decisions({
      rules: compileRules(config.rules),
      file: (path, target) => this.files.file(path, target),
      sender: (fromHostIp, host) => this.#senders.find(fromHostIp, host, this.receivedMs),
      senderUse: (row) => this.#senders.useAt(row),
      forgotten: () => {
        this.#add(LANE_SLOT.decisionsForgotten, 1);
        this.files.forgetIdle();
      },
    });
  }

  /** New rules from the next message on. Lines that were taken under the old ones keep their files. */
  configure(config: ServerConfig): void {
    this.flush();
    this.files.configure(config.files.maxOpen);
    this.#decisions = this.#compile(config);
  }

  /** Kinds of messages that a decision is kept for. */
  get decisionCount(): number {
    return this.#decisions.count;
  }

  setTime(nowMs: number): void {
    this.receivedMs = nowMs;
    this.#decisions.setTime(nowMs);
  }

  /** What the messages that are taken now come by. */
  setVia(via: string): void {
    this.#printer.via = via;
  }

  /** Senders with whom there is no holding back: what has no room is lost, and counted by its reason. */
  takeOrDrop(start: number, end: number, peer: Peer, listener: number): void {
    const record = this.#record;
    const { bytes } = this.#arena;
    parseMessage(record, bytes, datagramMessageStart(bytes, start, end), end);
    const decision = this.#decisions.find(record, peer);
    this.#count(record, decision, peer, listener, end - start);
    const files = this.#filesOf(decision, record);
    const clean = isClean(this.#arena.words, this.#arena.bytes, record.headerStart, record.end);
    for (let i = 0; i < files.length; i += 1) this.#appendOrDrop(files[i] as LogFile, record, peer, clean);
  }

  #appendOrDrop(file: LogFile, record: LogRecord, peer: Peer, clean: boolean): void {
    if (this.files.append(file, record, peer, this.receivedMs, clean)) this.#add(LANE_SLOT.lines, 1);
    else this.#add(droppedSlot(file.trouble ?? 'busy'), 1);
  }

  /** False: not now; the sender must be made to wait, and the same bytes offered again. */
  takeOrHold(start: number, end: number, peer: Peer, listener: number): boolean {
    const record = this.#record;
    parseMessage(record, this.#arena.bytes, start, end);
    const decision = this.#decisions.find(record, peer);
    const files = this.#filesOf(decision, record);
    const asks = this.files.troubledCount > 0 || files.length > 1;
    if (asks && !this.#allHaveRoom(files, record, peer)) return false;
    const clean = isClean(this.#arena.words, this.#arena.bytes, record.headerStart, record.end);
    for (let i = 0; i < files.length; i += 1) {
      // A first refusal is how trouble is met. Behind a first file there is none: all were seen to have room.
      if (i === 0 && !this.files.append(files[i] as LogFile, record, peer, this.receivedMs, clean))
        return false;
      if (i === 0) this.#add(LANE_SLOT.lines, 1);
      else this.#appendOrDrop(files[i] as LogFile, record, peer, clean);
    }
    this.lastFiles = files;
    this.#count(record, decision, peer, listener, end - start);
    return true;
  }

  #allHaveRoom(files: readonly LogFile[], record: LogRecord, peer: Peer): boolean {
    for (const file of files) {
      if (this.files.hasRoom(file, record, peer)) continue;
      this.files.forgoRoom(files);
      return false;
    }
    return true;
  }

  #filesOf(decision: Decision, record: LogRecord): readonly LogFile[] {
    if (decision.steps === undefined) {
      if (decision.files.length === 0)
        this.#add(decision.discards ? LANE_SLOT.discarded : LANE_SLOT.unrouted, 1);
      return decision.files;
    }
    this.#asked.length = 0;
    const discards = askSteps(decision.steps, record, this.#asked);
    if (this.#asked.length === 0) this.#add(discards ? LANE_SLOT.discarded : LANE_SLOT.unrouted, 1);
    return this.#asked;
  }

  #add(slot: number, count: number): void {
    (this.#counts[slot] as number) += count;
  }

  #count(record: LogRecord, decision: Decision, peer: Peer, listener: number, bytes: number): void {
    const base = listenerBase(listener);
    this.#add(base + LISTENER_SLOT.messages, 1);
    this.#add(base + LISTENER_SLOT.bytes, bytes);
    const { rows } = this.#senders;
    if (rows[decision.sender + ROW.use] !== decision.senderUse) this.#findSender(decision, record, peer);
    const row = decision.sender;
    (rows[row + ROW.messages] as number) += 1;
    (rows[row + ROW.bytes] as number) += bytes;
    if (record.trouble !== TROUBLE.none) {
      (rows[row + ROW.unparsed] as number) += 1;
      this.#add(TROUBLE_SLOT_0 + record.trouble, 1);
    }
    if (row === 0) this.#add(LANE_SLOT.sendersUntracked, 1);
    const { receivedMs } = this;
    const lastSeenMs = rows[row + ROW.lastSeenMs] as number;
    rows[row + ROW.lastSeenMs] = receivedMs;
    if (receivedMs - lastSeenMs >= SKEW_EVERY_MS) this.#measureSkew(record, peer, row);
  }

  /** The row went to another while this sender was silent. */
  #findSender(decision: Decision, record: LogRecord, peer: Peer): void {
    decision.sender = this.#senders.find(peer.name, factsOf(record, peer).host, this.receivedMs);
    decision.senderUse = this.#senders.useAt(decision.sender);
  }

  #measureSkew(record: LogRecord, peer: Peer, row: number): void {
    const { rows } = this.#senders;
    const instant = this.#instant;
    rows[row + ROW.skewMs] = resolveTime(record, this.receivedMs, peer.zone, instant)
      ? instant.sec * 1000 + instant.nanos / 1e6 - this.receivedMs
      : Number.NaN;
  }

  flush(): void {
    this.files.flush(this.receivedMs);
  }
}
