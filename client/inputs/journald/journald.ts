// The input `journald`: reads the journal through journalctl, from the entry after the last one that the queue
// has safely. Promises: nothing between is left out, also over a reboot, a rotation, a clock set back or a
// journal that was emptied; twice comes at most what was not yet safe. A journalctl that ends is started again
// after a pause that grows, never in a busy loop. Refuses: entries of this very process, which would feed
// themselves.

import type { Log } from '../../../base/log.ts';
import type { JournaldInput } from '../../../config/agent.ts';
import { Voice } from '../../../delivery/spool/voice.ts';
import type { Checkpoint } from '../../checkpoints.ts';
import { Marks } from '../../marks.ts';
import type { Input, InputSink, InputStatus } from '../input.ts';
import type { MessageSettings } from '../message.ts';
import { Outflow } from '../outflow.ts';
import { EntryReader } from './entry.ts';
import { type JournalEnd, journalArgs, JournalRun, type JournalStart, probeJournal } from './journalctl.ts';
import { OwnEntries } from './own.ts';
import { type JournalPosition, readPosition } from './position.ts';

/** After an end: doubled with each run that gave nothing. */
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 60_000;
/** Batches that the queue has not made safe yet; the newest beyond them are remembered by a later one. */
const MARKS_MAX = 4096;

export interface JournaldParts {
  readonly sink: InputSink;
  readonly settings: MessageSettings;
  readonly checkpoint: Checkpoint;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The program; 'journalctl' of the system when absent. */
  readonly journalctl?: string;
  readonly pauseMinMs?: number;
}

export function openJournald(config: JournaldInput, parts: JournaldParts): Input {
  return new Journald(config, parts);
}

class Journald implements Input {
  readonly #config: JournaldInput;
  readonly #parts: JournaldParts;
  readonly #command: string;
  readonly #voice: Voice;
  readonly #outflow: Outflow;
  readonly #reader: EntryReader;
  readonly #marks = new Marks<JournalPosition>();
  readonly #own: OwnEntries;
  /** Of the last entry read; what is asked for at the next start of journalctl. */
  #position: JournalPosition | undefined;
  /** Safe, and not saved yet. */
  #unsaved: JournalPosition | undefined;
  #run: JournalRun | undefined;
  #isFollowing = false;
  /** The cursor that the run was asked to begin with, until its first entry has come. */
  #expected: string | undefined;
  /** The cursor cannot be used: begin by the time. */
  #isCursorLost = false;
  #pauseMs: number;
  #pause: NodeJS.Timeout | undefined;
  #gaveSome = false;
  #isStopped = false;
  /** Why journalctl does not run at the moment. */
  #trouble: string | undefined;
  /** What cannot be seen. */
  #partial: string | undefined;
  #ownEntries = 0;
  #withoutText = 0;

  constructor(config: JournaldInput, parts: JournaldParts) {
    this.#config = config;
    this.#parts = parts;
    this.#command = parts.journalctl ?? 'journalctl';
    this.#pauseMs = parts.pauseMinMs ?? PAUSE_MIN_MS;
    this.#voice = new Voice(parts.log, parts.now, { input: config.name });
    this.#outflow = new Outflow(parts.sink, parts.settings);
    this.#own = new OwnEntries(config.directory === undefined);
    this.#reader = new EntryReader(parts.settings.maxMessageBytes, config.directory === undefined);
  }

  async start(): Promise<void> {
    const probe = await probeJournal(this.#command, this.#config);
    if (probe.isPartial) this.#sayPartial();
    const loaded = this.#parts.checkpoint.load();
    if (loaded.state === 'good') this.#position = readPosition(loaded.position);
    if (loaded.state === 'lost' || (loaded.state === 'good' && !this.#position)) {
      const why = loaded.state === 'lost' ? loaded.why : 'it holds no position of a journal';
      this.#voice.warn(
        'position',
        `Where "${this.#config.name}" stood in the journal is not known (${why}). ` +
          'It is read from its beginning: some messages will come twice.',
      );
    }
    if (loaded.state === 'fresh' && this.#config.from === 'end') this.#position = probe.last;
    if (this.#position) this.#unsaved = this.#position;
    this.#save();
    if (!this.#isStopped) this.#launch();
  }

  #sayPartial(): void {
    this.#partial =
      'Belfry sees only a part of the journal, or nothing: it lacks the right to read the rest. ' +
      'Add its user to the group systemd-journal (SupplementaryGroups= of the unit).';
    this.#voice.warn('partial', this.#partial);
  }

  // ---- journalctl

  #launch(): void {
    const start = this.#startPlace();
    this.#expected = start.cursor;
    this.#gaveSome = false;
    this.#reader.parser.reset();
    let run: JournalRun;
    try {
      run = new JournalRun(this.#command, journalArgs(this.#config, start, this.#isFollowing));
    } catch (error) {
      // No descriptor, or no memory: there may be some in a while.
      this.#ended({ code: null, signal: null, said: (error as Error).message });
      return;
    }
    this.#run = run;
    this.#trouble = undefined;
    run.output.on('data', (chunk: Buffer) => this.#read(chunk));
    run.output.on('error', () => undefined);
    if (this.#outflow.isHeld) run.output.pause();
    void run.ended.then((end) => this.#ended(end));
  }

  #startPlace(): JournalStart {
    if (!this.#position) return {};
    if (!this.#isCursorLost) return { cursor: this.#position.cursor };
    return { sinceSec: this.#position.realtimeUs / 1e6 };
  }

  #ended(end: JournalEnd): void {
    this.#run = undefined;
    if (this.#isStopped) return;
    if (end.code === 0 && !this.#isFollowing) {
      this.#isFollowing = true;
      this.#launch();
      return;
    }
    this.#isFollowing = false;
    if (/seek to cursor/i.test(end.said) && this.#position && !this.#isCursorLost) this.#loseCursor(end.said);
    else this.#sayEnded(end);
    const min = this.#parts.pauseMinMs ?? PAUSE_MIN_MS;
    this.#pauseMs = this.#gaveSome ? min : this.#pauseMs;
    this.#pause = setTimeout(() => this.#launch(), this.#pauseMs);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
  }

  #loseCursor(said: string): void {
    this.#isCursorLost = true;
    this.#voice.warn(
      'cursor',
      `The journal does not know the place where "${this.#config.name}" stood (${said}). It goes on with the ` +
        'entries of the same second: a few may come twice.',
    );
  }

  #sayEnded({ code, signal, said }: JournalEnd): void {
    const how =
      code !== null ? `ended with code ${code}` : signal !== null ? `ended by ${signal}` : 'could not run';
    const words = said === '' ? '' : `: ${said}`;
    this.#trouble = `journalctl ${how}${words.replace(/\.$/, '')}. It is started again; nothing is lost meanwhile.`;
    this.#voice.warn('ended', this.#trouble);
  }

  // ---- entries

  #read(chunk: Buffer): void {
    this.#reader.parser.feed(chunk);
    this.#take();
  }

  /** Makes messages of what has been read, until there is no more or the sink is full. */
  #take(): void {
    let isDry = false;
    do isDry = this.#takeEntries();
    while (this.#outflow.flush() && !isDry);
    if (this.#outflow.isHeld) this.#run?.output.pause();
    else this.#mark();
  }

  /** False: the sink has no room. */
  #takeEntries(): boolean {
    while (this.#outflow.makeRoom()) {
      if (!this.#reader.parser.next()) return true;
      this.#takeEntry();
    }
    return false;
  }

  #takeEntry(): void {
    const reader = this.#reader;
    const cursor = reader.cursor;
    const isRepeated = this.#isRepeated(cursor);
    if (cursor !== '') {
      this.#position = { cursor, realtimeUs: reader.realtimeUs };
      this.#isCursorLost = false;
    }
    if (isRepeated) return;
    this.#gaveSome = true;
    if (this.#own.has(reader)) this.#ownEntries += 1;
    else if (reader.read()) this.#outflow.batch.add(reader.draft);
    else this.#withoutText += 1;
  }

  /** The first entry of a run is the one that we asked to begin with, and have; if the journal still has it. */
  #isRepeated(cursor: string): boolean {
    const expected = this.#expected;
    this.#expected = undefined;
    if (expected === undefined || expected === cursor) return expected !== undefined;
    // With matches, the cursor's entry may just not be among them.
    if (this.#config.matches.length > 0) return false;
    this.#voice.warn(
      'gap',
      `The journal no longer holds the entry where "${this.#config.name}" stood: entries were removed. It goes ` +
        'on with the oldest one after it; what was removed before it was read is lost.',
    );
    return false;
  }

  /** Everything up to here has been given on. */
  #mark(): void {
    const last = this.#position;
    if (last && this.#marks.waiting < MARKS_MAX) this.#marks.add(this.#outflow.sink.taken, last);
  }

  // ---- the checkpoint

  #pass(): void {
    this.#marks.pass(this.#outflow.sink.safe(), (position) => {
      this.#unsaved = position;
    });
  }

  #save(): void {
    if (this.#unsaved && this.#parts.checkpoint.save(this.#unsaved)) this.#unsaved = undefined;
  }

  // ---- as an input

  resume(): void {
    if (this.#outflow.isHeld && this.#outflow.flush()) {
      this.#take();
      if (!this.#outflow.isHeld) this.#run?.output.resume();
    }
    this.#pass();
    if (this.#unsaved && this.#parts.checkpoint.isDue()) this.#save();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#pause);
    await this.#run?.stop();
    this.#pass();
    this.#save();
  }

  /** Our own entries are no loss, but are not hidden either. */
  #printPosition(): string {
    const at = this.#position ? `at ${printTime(this.#position.realtimeUs)}` : 'nothing read yet';
    return this.#ownEntries === 0 ? at : `${at}, ${this.#ownEntries} entries of our own left away`;
  }

  status(): InputStatus {
    const position = this.#position;
    // Once it follows, whatever there is has been read.
    const isBehind = position && (this.#outflow.isHeld || !this.#isFollowing);
    const ageSec = position ? this.#parts.now() / 1000 - position.realtimeUs / 1e6 : 0;
    return {
      name: this.#config.name,
      type: 'journald',
      messages: this.#outflow.messages,
      bytes: this.#outflow.bytes,
      dropped: {
        no_text: this.#withoutText,
        garbage: this.#reader.parser.garbage,
        cut: this.#outflow.batch.cut,
      },
      position: this.#printPosition(),
      lag: { seconds: isBehind ? Math.max(0, ageSec) : 0 },
      isHeld: this.#outflow.isHeld,
      trouble: this.#trouble ?? this.#partial,
    };
  }
}

/** A Date ends in the year 275760; an entry may say anything. */
function printTime(us: number): string {
  return Math.abs(us) < 8.64e18 && !Number.isNaN(us) ? new Date(us / 1000).toISOString() : 'an unknown time';
}
