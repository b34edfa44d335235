// What one RELP connection leaves to the next: which records behind the cursor are done, and which record is
// under suspicion of being what the server will not take. Promises: a record is given up as refused only after
// REFUSALS_MAX tries, and only when the server has shown that it takes others; a server that takes nothing is
// sent one record at a time, and loses none.
//
// Why: a server may answer a message with an error, or end the connection instead of answering (imrelp can, for
// what is longer than its maxDataSize). Sent again for ever, that message would block the queue for ever; given
// up at once, a server in trouble would eat the queue. Silence is never a refusal: a full disk looks like that.

/** Tries of a record that is refused each time. */
export const REFUSALS_MAX = 3;
/** So many records behind one that is unanswered may be done; beyond that nothing is sent before it is. */
const DONE_MAX = 65_536;
/** A server that does not answer in time is given more the next time: 90 s, librelp's own limit, from 10 s. */
const PATIENCE_MAX = 9;
/** How far behind a suspect a record is looked for that the server takes. */
const AROUND_MAX = 64;

interface Refused {
  /** Negative answers in a row. */
  readonly times: number;
  /** The server's words. */
  readonly words: string;
}

export class RelpMemory {
  /** Connections in a row on which records were sent and none was answered. */
  fruitless = 0;
  /** By how much longer than configured an answer is waited for. */
  patience = 1;
  /** Behind the cursor, but acknowledged or given up. */
  readonly #done = new Set<number>();
  readonly #refused = new Map<number, Refused>();
  /** It alone was under way when the connection ended, so many times in a row. */
  #suspect: { readonly sequence: number; breaks: number } | undefined;

  done(sequence: number): void {
    this.#done.add(sequence);
    this.#refused.delete(sequence);
  }

  isDone(sequence: number): boolean {
    return this.#done.size > 0 && this.#done.has(sequence);
  }

  get isFull(): boolean {
    return this.#done.size >= DONE_MAX;
  }

  /** An answer did not come in time. A new connection, and all unanswered again, help little if that is all. */
  waitLonger(): void {
    this.patience = Math.min(PATIENCE_MAX, this.patience * 2);
  }

  /** The cursor has moved. */
  forget(through: number): void {
    for (const known of [this.#done, this.#refused]) {
      if (known.size === 0) continue;
      for (const sequence of known.keys()) if (sequence <= through) known.delete(sequence);
    }
  }

  refused(sequence: number, words: string): void {
    const times = (this.#refused.get(sequence)?.times ?? 0) + 1;
    this.#refused.set(sequence, { times, words });
  }

  /** Refused often enough to be given up, once the server has taken another; with the server's words. */
  hopeless(): [sequence: number, words: string][] {
    const often = [...this.#refused].filter(([, { times }]) => times >= REFUSALS_MAX);
    return often.map(([sequence, { words }]) => [sequence, words]);
  }

  suspect(sequence: number): void {
    if (this.#suspect?.sequence === sequence) this.#suspect.breaks += 1;
    else this.#suspect = { sequence, breaks: 1 };
  }

  /** What was sent in place of the suspect has ended the connection as well. */
  blameAnother(): void {
    if (this.#suspect !== undefined) this.#suspect.breaks += 1;
  }

  clearSuspect(): void {
    this.#suspect = undefined;
  }

  /**
   * Every other time, once the suspicion is strong: how far behind the suspect stands the record that is to be
   * sent in its place. If that one is taken, it was the suspect's fault.
   */
  detour(): { readonly suspect: number; readonly ahead: number } | undefined {
    const turn = (this.#suspect?.breaks ?? 0) - REFUSALS_MAX;
    if (this.#suspect === undefined || turn < 0 || turn % 2 !== 0) return undefined;
    return { suspect: this.#suspect.sequence, ahead: 1 + ((turn / 2) % AROUND_MAX) };
  }
}
