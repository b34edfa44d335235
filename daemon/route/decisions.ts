// Which files a message goes to. The rules are asked once for each kind of message, where a kind is the
// sender, the host, and, only if some rule looks at them, PRI and program; the answer is kept. Finding it
// again is one hash over a few bytes, without a string.
//
// The table is an open-addressed one of fixed size. When it is three quarters full it is begun anew: a flood
// of invented host names costs time, not memory.

import { assert } from '../../base/assert.ts';
import { printAddress } from '../../base/ip.ts';
import type { LogFile } from '../files/log-file.ts';
import type { FileTarget } from '../../config/server.ts';
import type { Peer } from '../intake/peers.ts';
import type { LogRecord } from '../../syslog/record.ts';
import type { ContentTest, HeaderFacts } from './matcher.ts';
import { dateValues, type DateValues } from './path.ts';
import { type RuleSet, type Step, stepsFor } from './rules.ts';

/** A power of two. */
const TABLE_SIZE = 32_768;
const KINDS_MAX = TABLE_SIZE * 0.75;
/** Bytes of hosts and programs that the table may keep: names may be as long as messages. */
const NAME_BYTES_MAX = 16 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

export interface DecisionStep {
  readonly tests: readonly ContentTest[];
  readonly file: LogFile | undefined;
  readonly stop: boolean;
  readonly discard: boolean;
}

export interface Decision {
  readonly hash: number;
  readonly peerId: number;
  readonly pri: number;
  readonly host: Uint8Array;
  readonly program: Uint8Array;
  /** Where the message goes, when that needs no look at its text. */
  readonly files: readonly LogFile[];
  /** Otherwise: what to ask of the text, in order. */
  readonly steps: readonly DecisionStep[] | undefined;
  /** A rule throws it away; without one it is a message that no rule wants. */
  readonly discards: boolean;
  /** The sender's row (intake/senders.ts), for as long as the row has had so many owners. */
  sender: number;
  senderUse: number;
}

export interface DecisionParts {
  readonly rules: RuleSet;
  file(path: string, target: FileTarget): LogFile;
  sender(fromHostIp: string, host: string): number;
  senderUse(row: number): number;
  /** Called when all decisions were dropped, and nothing refers to their files any more. */
  forgotten(): void;
}

export class Decisions {
  count = 0;
  #nameBytes = 0;
  readonly #parts: DecisionParts;
  readonly #table: (Decision | undefined)[] = new Array<Decision | undefined>(TABLE_SIZE).fill(undefined);
  readonly #byPri: boolean;
  readonly #byProgram: boolean;
  #dates: DateValues = dateValues(0);

  constructor(parts: DecisionParts) {
    this.#parts = parts;
    this.#byPri = parts.rules.depends.pri;
    this.#byProgram = parts.rules.depends.program;
  }

  /** Once a batch: decisions that put a date into a path end with that date. */
  setTime(nowMs: number): void {
    if (nowMs < this.#dates.untilMs && nowMs >= this.#dates.untilMs - 3_600_000) return;
    this.#dates = dateValues(nowMs);
    if (this.#parts.rules.depends.date) this.clear();
  }

  clear(): void {
    this.#table.fill(undefined);
    this.count = 0;
    this.#nameBytes = 0;
    this.#parts.forgotten();
  }

  find(record: LogRecord, peer: Peer): Decision {
    const { bytes } = record;
    let hash = peer.id;
    if (this.#byPri) hash = Math.imul(hash, 31) + record.pri;
    for (let at = record.hostStart; at < record.hostEnd; at += 1) {
      hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    }
    if (this.#byProgram) {
      hash = Math.imul(hash, 37);
      for (let at = record.programStart; at < record.programEnd; at += 1) {
        hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
      }
    }
    hash |= 0;
    let slot = (hash ^ (hash >>> 16)) & (TABLE_SIZE - 1);
    for (;;) {
      const kept = this.#table[slot];
      if (kept === undefined) return this.#decide(record, peer, hash, slot);
      if (kept.hash === hash && this.#isFor(kept, record, peer)) return kept;
      slot = (slot + 1) & (TABLE_SIZE - 1);
    }
  }

  #isFor(kept: Decision, record: LogRecord, peer: Peer): boolean {
    return (
      kept.peerId === peer.id &&
      (!this.#byPri || kept.pri === record.pri) &&
      same(kept.host, record.bytes, record.hostStart, record.hostEnd) &&
      (!this.#byProgram || same(kept.program, record.bytes, record.programStart, record.programEnd))
    );
  }

  #decide(record: LogRecord, peer: Peer, hash: number, slot: number): Decision {
    if (this.count >= KINDS_MAX || this.#nameBytes >= NAME_BYTES_MAX) {
      this.clear();
      return this.find(record, peer);
    }
    const facts = factsOf(record, peer);
    const steps = stepsFor(this.#parts.rules, facts, this.#dates);
    const sender = this.#parts.sender(peer.name, facts.host);
    const made: Decision = {
      hash,
      peerId: peer.id,
      pri: record.pri,
      host: piece(record, record.hostStart, record.hostEnd),
      program: piece(record, record.programStart, record.programEnd),
      ...this.#actions(steps),
      sender,
      senderUse: this.#parts.senderUse(sender),
    };
    this.#table[slot] = made;
    this.count += 1;
    this.#nameBytes += made.host.length + made.program.length;
    return made;
  }

  #actions(steps: readonly Step[]): Pick<Decision, 'files' | 'steps' | 'discards'> {
    const ready: DecisionStep[] = [];
    for (const { rule, path, target } of steps) {
      const file = path !== undefined && target ? this.#parts.file(path, target) : undefined;
      const { discard, stop } = rule.rule;
      ready.push({ tests: rule.contentTests, file, discard, stop });
    }
    if (ready.some((step) => step.tests.length > 0)) return { files: [], steps: ready, discards: false };
    // A message goes into one file once, however many rules lead there.
    const files = new Set(ready.flatMap((step) => (step.file ? [step.file] : [])));
    return { files: [...files], steps: undefined, discards: ready.some((step) => step.discard) };
  }
}

/** Walks the steps of a decision that needs the text; fills `into` and says whether a rule discards. */
export function askSteps(steps: readonly DecisionStep[], record: LogRecord, into: LogFile[]): boolean {
  assert(into.length === 0, 'the list of files is empty');
  for (const step of steps) {
    if (!step.tests.every((test) => test.holds(record))) continue;
    if (step.discard) return true;
    if (step.file && !into.includes(step.file)) into.push(step.file);
    if (step.stop) return false;
  }
  return false;
}

export function factsOf(record: LogRecord, peer: Peer): HeaderFacts {
  const host = text(record, record.hostStart, record.hostEnd);
  return {
    peer: peer.address,
    certName: peer.certName,
    pri: record.pri,
    host: host === '' ? printAddress(peer.address) : host,
    program: text(record, record.programStart, record.programEnd),
  };
}

function text(record: LogRecord, start: number, end: number): string {
  return start < 0 ? '' : Buffer.from(piece(record, start, end)).toString('utf8');
}

/** A copy: the record's bytes will be others soon. */
function piece(record: LogRecord, start: number, end: number): Uint8Array {
  return start < 0 ? NOTHING : Uint8Array.prototype.slice.call(record.bytes, start, end);
}

function same(kept: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = kept;
  if (length !== (start < 0 ? 0 : end - start)) return false;
  for (let i = 0; i < length; i += 1) if (kept[i] !== bytes[start + i]) return false;
  return true;
}
