// A random history of a spool, and a simple model of what it must do: a list of what was taken, and for each
// destination what arrived. Everything that follows from chance comes from the seed of the history.
//
// What it holds the spool to: a record arrives unchanged, in order, and after a crash again only if it was not
// acknowledged; what was taken and does not arrive was counted; what was safe arrives, unless it was dropped by
// choice; the disk is never used beyond the limit.

import assert from 'node:assert/strict';
import { fc } from '../property/chance.ts';
import { CURSOR_BYTES } from '../../delivery/spool/cursor.ts';
import type { RecordBatch } from '../../delivery/spool/layout.ts';
import type { OnFull } from '../../delivery/spool/limits.ts';
import type { SpoolReader } from '../../delivery/spool/reader.ts';
import type { DropReason } from '../../delivery/spool/reasons.ts';
import { openSpool, type Spool } from '../../delivery/spool/spool.ts';
import type { SpoolSync } from '../../delivery/spool/writing.ts';
import { FakeDisk, Killed } from './fake-disk.ts';

const RECORD_BYTES_MAX = 60;

export interface Setting {
  readonly onFull: OnFull;
  readonly sync: SpoolSync;
  readonly destinations: number;
  /** Room for segments, and the size of one. */
  readonly room: number;
  readonly segmentBytes: number;
  readonly seed: number;
}

export type Deed =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'read'; readonly who: number; readonly count: number }
  /** `share` of what is under way, from 0 to 1. */
  | { readonly kind: 'acknowledge'; readonly who: number; readonly share: number }
  | { readonly kind: 'rewind'; readonly who: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'killWithin'; readonly calls: number }
  | { readonly kind: 'cutPower' }
  | { readonly kind: 'diskHas'; readonly room: number }
  | { readonly kind: 'readOnly'; readonly is: boolean }
  | { readonly kind: 'failSync'; readonly is: boolean }
  | { readonly kind: 'failRead'; readonly is: boolean }
  | { readonly kind: 'flip'; readonly ending: string }
  | { readonly kind: 'cutFile'; readonly share: number }
  | { readonly kind: 'removeFile' }
  | { readonly kind: 'plant'; readonly name: string };

export const SETTING: fc.Arbitrary<Setting> = fc.record({
  onFull: fc.constantFrom<OnFull>('block', 'dropOldest', 'dropNewest'),
  sync: fc.constantFrom<SpoolSync>('none', '1s', 'each'),
  destinations: fc.integer({ min: 1, max: 3 }),
  room: fc.integer({ min: 400, max: 3000 }),
  segmentBytes: fc.integer({ min: 80, max: 600 }),
  seed: fc.nat(),
});

const who = fc.nat(2);
const sizes = fc.array(fc.integer({ min: 1, max: RECORD_BYTES_MAX + 3 }), { minLength: 1, maxLength: 12 });

/** What every agent does on a good day. */
export const WORK: readonly fc.WeightedArbitrary<Deed>[] = [
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('append'), sizes }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('read'), who, count: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('acknowledge'),
      who,
      share: fc.double({ min: 0.1, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind'), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(3000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('killWithin'), calls: fc.nat(12) }) },
];

/** What a disk does that tells the truth, and a power supply that does not. */
export const TROUBLE: readonly fc.WeightedArbitrary<Deed>[] = [
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cutPower') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('diskHas'), room: fc.nat(2500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('readOnly'), is: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('failSync'), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failRead'), is: fc.boolean() }) },
];

export const DAMAGE: readonly fc.WeightedArbitrary<Deed>[] = [
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flip'), ending: fc.constant('.seg') }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cutFile'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeFile') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('plant'),
      name: fc.constantFrom('notes.txt', '0000000000000009-00000001.seg', 'lost+found', '.x.cursor'),
    }),
  },
];

export const CURSOR_DAMAGE: readonly fc.WeightedArbitrary<Deed>[] = [
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flip'), ending: fc.constant('.cursor') }) },
];

/** Small and fast, from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  fault: () => undefined,
  setLevel: () => undefined,
};

/** A record whose bytes say which it is, and that none is missing. */
function makeRecord(id: number, size: number): string {
  return `${id};`.padEnd(size, String.fromCharCode(65 + (id % 26)));
}

class Destination {
  readonly name: string;
  reader: SpoolReader;
  readonly arrived = new Set<number>();
  /** Handed out and not acknowledged, in order. */
  underWay: { id: number; sequence: number }[] = [];
  acknowledged = 0;
  lastId = 0;
  /** Counted as lost in the runs that are over. */
  counted = 0;
  /** In this run, before the deed that is being done. */
  countedBefore = 0;
  /** Arrived, and was handed out again or lost after it had arrived: may be counted as lost as well. */
  again = 0;

  constructor(name: string, reader: SpoolReader) {
    this.name = name;
    this.reader = reader;
  }

  countedNow(): number {
    const { dropped } = this.reader.counts();
    return Object.values(dropped).reduce((sum, { records }) => sum + records, 0);
  }

  /** After a crash or a rewind: from the first that is not acknowledged. */
  goBack(): void {
    // What was not acknowledged was lost on the way: it has to come again.
    for (const { id } of this.underWay) this.arrived.delete(id);
    this.underWay = [];
    this.lastId = this.acknowledged;
  }
}

export class History {
  readonly disk: FakeDisk;
  readonly setting: Setting;
  readonly destinations: Destination[];
  #spool: Spool;
  #nowMs = 1_700_000_000_000;
  readonly #random: () => number;
  #nextId = 1;
  /** Of each record that was taken, which it is; a record that was dropped on the way in is among them. */
  readonly taken: number[] = [];
  /** May or may not have been taken: the process died meanwhile. */
  readonly doubtful = new Set<number>();
  /** Taken, but not safe when the power went. */
  readonly unsafe = new Set<number>();
  readonly safe = new Set<number>();
  /** By sequence number, as far as the spool had told it was appended in this run. */
  #appended: { id: number; sequence: number }[] = [];
  /** More than the model follows: losses may go uncounted, or be counted too often. */
  isBlind = false;
  /** The disk changed records behind our back. */
  isDamaged = false;
  isCursorDamaged = false;
  /** The disk may not have let the cursors be made, or move. */
  #isCursorHeld = false;
  #hasSyncFailed = false;
  #unreadableMs = 0;
  #broughtBackBytes = 0;

  constructor(setting: Setting) {
    this.setting = setting;
    this.#random = randomFrom(setting.seed);
    this.disk = new FakeDisk(this.#random);
    this.#spool = this.#open();
    this.destinations = this.#names().map((name) => new Destination(name, this.#spool.reader(name)));
  }

  #names(): string[] {
    return Array.from({ length: this.setting.destinations }, (_, i) => `d${i}`);
  }

  get limit(): number {
    return this.setting.room + this.setting.destinations * CURSOR_BYTES;
  }

  #open(): Spool {
    const { onFull, sync, segmentBytes } = this.setting;
    const limits = {
      destinations: this.#names(),
      maxDiskSpaceBytes: this.limit,
      onFull,
      sync,
      segmentBytes,
      recordBytesMax: RECORD_BYTES_MAX,
    };
    const salt = () => Math.floor(this.#random() * 2 ** 32);
    return openSpool('', limits, { disk: this.disk, now: () => this.#nowMs, log: quiet, salt });
  }

  run(deeds: readonly Deed[]): void {
    for (const deed of deeds) {
      for (const one of this.destinations) one.countedBefore = one.countedNow();
      try {
        this.#do(deed);
        this.#mustLive();
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        // What it counted in its last moments nobody could write down.
        for (const one of this.destinations) one.again += one.countedNow() - one.countedBefore;
        this.#crash(() => this.disk.kill());
      }
      this.#checkRoom();
    }
  }

  /** What the dying process still believed is not what happened. */
  #mustLive(): void {
    if (this.disk.isKilled) throw new Killed();
  }

  #do(deed: Deed): void {
    const one =
      'who' in deed ? (this.destinations[deed.who % this.destinations.length] as Destination) : undefined;
    switch (deed.kind) {
      case 'append':
        return this.#append(deed.sizes);
      case 'read':
        return this.#read(one as Destination, deed.count);
      case 'acknowledge':
        return this.#acknowledge(one as Destination, deed.share);
      case 'rewind':
        (one as Destination).reader.rewind();
        return (one as Destination).goBack();
      case 'pass':
        return this.#pass(deed.ms);
      case 'restart':
        return this.#restart();
      case 'kill':
        return this.#crash(() => this.disk.kill());
      case 'killWithin':
        this.disk.troubles.killAfter = deed.calls;
        return;
      case 'cutPower':
        return this.#crash(() => this.disk.cutPower(), true);
      case 'diskHas':
        this.disk.capacity = this.setting.destinations * CURSOR_BYTES + deed.room;
        this.#isCursorHeld = true;
        return;
      case 'readOnly':
        this.disk.troubles.isReadOnly = deed.is;
        this.#isCursorHeld = true;
        return;
      case 'failSync':
        this.disk.troubles.failsSync = deed.is;
        this.#hasSyncFailed = true;
        return;
      case 'failRead':
        this.disk.troubles.failsRead = deed.is;
        return;
      default:
        return this.#damage(deed);
    }
  }

  #damage(deed: Deed): void {
    const name = this.disk.pick('.seg');
    if (deed.kind === 'flip') {
      const isDone = this.disk.flip(deed.ending);
      if (isDone && deed.ending === '.seg') this.isDamaged = true;
      if (isDone && deed.ending === '.cursor') this.isCursorDamaged = true;
    }
    if (deed.kind === 'plant' && !this.disk.files.has(deed.name)) this.disk.plant(deed.name);
    const file = name === undefined ? undefined : this.disk.files.get(name);
    if (file === undefined || !file.isOurs || name === undefined) return;
    if (deed.kind === 'cutFile') file.cut(Math.floor(file.bytes.length * deed.share));
    if (deed.kind === 'removeFile') this.disk.files.delete(name);
    if (deed.kind === 'cutFile' || deed.kind === 'removeFile') this.isDamaged = true;
  }

  #append(recordSizes: readonly number[]): void {
    const records = recordSizes.map((size, i) => makeRecord(this.#nextId + i, Math.max(size, 5)));
    const firstId = this.#nextId;
    this.#nextId += records.length;
    const before = this.#spool.counts().last;
    let taken = 0;
    try {
      taken = this.#spool.append(batchOf(records)).taken;
      this.#mustLive();
    } catch (error) {
      for (let i = 0; i < records.length; i += 1) this.doubtful.add(firstId + i);
      throw error;
    }
    for (let i = 0; i < taken; i += 1) this.taken.push(firstId + i);
    const appended = this.#spool.counts().last - before;
    const isPlain = appended === taken;
    // Which of a batch were dropped is not told; so only of a batch without drops is it known what was appended.
    for (let i = 0; isPlain && i < taken; i += 1) {
      this.#appended.push({ id: firstId + i, sequence: before + 1 + i });
    }
    this.#noteSafe();
  }

  #noteSafe(): void {
    const safe = this.#spool.safe();
    for (const { id, sequence } of this.#appended) if (sequence <= safe) this.safe.add(id);
    this.#appended = this.#appended.filter(({ sequence }) => sequence > safe);
  }

  #read(one: Destination, count: number): void {
    const batch = one.reader.next(count);
    assert.ok(batch.count <= count, 'no more than was asked for');
    for (let i = 0; i < batch.count; i += 1) {
      const text = Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString();
      const id = Number.parseInt(text, 10);
      assert.equal(text, makeRecord(id, text.length), 'a record arrives as it was');
      assert.ok(id > one.lastId, `${one.name}: ${id} after ${one.lastId}`);
      one.lastId = id;
      one.arrived.add(id);
      one.underWay.push({ id, sequence: batch.sequences[i] as number });
    }
  }

  #acknowledge(one: Destination, share: number): void {
    const count = Math.ceil(one.underWay.length * share);
    const last = one.underWay[count - 1];
    if (last === undefined) return;
    // Noted first: if the process dies within, the cursor may have moved or not.
    one.underWay = one.underWay.slice(count);
    one.again += count;
    const before = one.acknowledged;
    one.reader.acknowledge(last.sequence);
    this.#mustLive();
    one.acknowledged = Math.max(before, last.id);
    one.again -= count;
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    this.#unreadableMs = this.disk.troubles.failsRead ? this.#unreadableMs + ms : 0;
    if (this.#unreadableMs > 20_000) this.disk.troubles.failsRead = false;
    this.#spool.tick();
    this.#mustLive();
    this.#noteSafe();
  }

  #restart(): void {
    this.#endRun(() => this.#spool.stop(this.#nowMs + 1000));
    this.disk.kill();
    this.#begin();
  }

  #crash(how: () => void, isPower = false): void {
    if (isPower) this.#forgetUnsafe();
    this.#endRun(() => undefined);
    how();
    this.#begin();
    this.#broughtBackBytes = this.#spool.counts().diskBytes;
  }

  /** Power: what was not safe may be gone, and cursors may be older than they were. */
  #forgetUnsafe(): void {
    if (this.setting.sync === 'none') this.safe.clear();
    for (const id of this.taken) if (!this.safe.has(id)) this.unsafe.add(id);
    for (const one of this.destinations) {
      // With a cursor that never reached the disk, nobody knows what was under way when its segment made room.
      const isCursorLost =
        this.setting.onFull === 'dropOldest' && (this.#isCursorHeld || this.#hasSyncFailed);
      if (isCursorLost) for (const { id } of one.underWay) this.unsafe.add(id);
      one.again += one.arrived.size + one.counted + one.countedNow();
      one.acknowledged = 0;
    }
  }

  #endRun(stop: () => void): void {
    for (const one of this.destinations) one.counted += one.countedNow();
    stop();
    for (const one of this.destinations) one.goBack();
    this.#appended = [];
  }

  #begin(): void {
    // What is unreadable at the start is not waited for; unit tests look at that.
    this.disk.troubles.failsRead = false;
    this.#spool = this.#open();
    for (const one of this.destinations) {
      one.reader = this.#spool.reader(one.name);
      if (this.isCursorDamaged || this.#isCursorHeld) {
        one.again += one.arrived.size + one.counted;
        one.acknowledged = 0;
      }
      one.lastId = one.acknowledged;
    }
  }

  #realBytes(): number {
    let sum = 0;
    for (const [name, { bytes, isOurs }] of this.disk.files) {
      if (isOurs && (name.endsWith('.seg') || name.endsWith('.cursor'))) sum += bytes.length;
    }
    return sum;
  }

  /** What a power cut brought back is removed when it can be; until then nothing is added to it. */
  #checkRoom(): void {
    const bytes = this.#realBytes();
    const allowed = Math.max(this.limit, this.#broughtBackBytes);
    assert.ok(bytes <= allowed, `${bytes} bytes on disk, allowed are ${allowed}`);
    const { diskBytes } = this.#spool.counts();
    if (diskBytes <= this.limit) this.#broughtBackBytes = 0;
    if (this.#broughtBackBytes > 0 || this.isDamaged) return;
    assert.ok(
      diskBytes <= this.limit && diskBytes >= bytes,
      `${diskBytes} bytes counted, there are ${bytes}`,
    );
  }

  /** The disk is good again, and all destinations take all there is. */
  drain(): void {
    const { troubles } = this.disk;
    troubles.killAfter = undefined;
    troubles.isReadOnly = false;
    troubles.failsSync = false;
    troubles.failsRead = false;
    this.disk.capacity = Number.POSITIVE_INFINITY;
    this.#pass(2000);
    for (const one of this.destinations) {
      one.reader.rewind();
      one.goBack();
      for (let rounds = 0; this.#takeAll(one); rounds += 1)
        assert.ok(rounds < 10_000, 'reading comes to an end');
      const { waiting } = one.reader.counts();
      assert.deepEqual(
        waiting,
        { records: 0, bytes: 0, oldestSec: undefined },
        `${one.name} has nothing left`,
      );
    }
  }

  #takeAll(one: Destination): boolean {
    const before = one.underWay.length;
    this.#read(one, 7);
    const isMore = one.underWay.length > before;
    this.#acknowledge(one, 1);
    return isMore;
  }

  /** Can be written to, after all that. */
  checkAlive(): void {
    this.#append([20]);
    const id = this.#nextId - 1;
    assert.equal(this.taken.at(-1), id, 'a spool that was emptied takes a record');
    for (const one of this.destinations) {
      this.#takeAll(one);
      assert.ok(one.arrived.has(id), `${one.name} gets it`);
    }
  }

  checkLosses(): void {
    for (const one of this.destinations) {
      const counted = one.counted + one.countedNow();
      const absent = this.taken.filter((id) => !one.arrived.has(id));
      const excused = absent.filter((id) => this.unsafe.has(id)).length;
      const least = absent.length - excused;
      const facts = `${one.name}: ${absent.length} of ${this.taken.length} did not arrive, ${counted} were counted`;
      if (!this.isBlind) assert.ok(counted >= least, facts);
      const most = absent.length + one.again + this.doubtful.size;
      assert.ok(counted <= most, `${facts}, at most ${most}`);
    }
  }

  /** Where nothing may be dropped and the disk keeps what it was given. */
  checkSafeArrived(): void {
    if (this.setting.onFull !== 'block' || this.isDamaged || this.isCursorDamaged) return;
    for (const one of this.destinations) {
      const lost = [...this.safe].filter((id) => !one.arrived.has(id));
      assert.deepEqual(lost, [], `${one.name} did not get what was safe`);
    }
  }

  droppedFor(reason: DropReason): number {
    return this.destinations.reduce((sum, one) => sum + one.reader.counts().dropped[reason].records, 0);
  }
}

function batchOf(records: readonly string[]): RecordBatch {
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 3;
  for (const record of records) {
    starts.push(at);
    at += record.length;
    ends.push(at);
  }
  return { bytes: Buffer.from(`...${records.join('')}`), starts, ends, count: records.length };
}
