// Batches that were written to a TCP socket, until it is known that they arrived. TCP tells its sender only how
// many bytes the other kernel has taken, not whether a program has read them. Promises: a batch is done when
// its last byte has been taken, and the connection has lived on for GRACE_MS; a peer whose program dies with
// unread bytes resets the connection at once, so most of what it has not read is sent again.
//
// Refuses: to know a socket. It is told of bytes and times.

/** Over a few round trips a reset is here; and so long a break costs what is sent twice. */
export const GRACE_MS = 100;

interface Sent {
  /** Bytes of the connection up to the batch's last. */
  readonly end: number;
  /** Of the batch's last record. */
  readonly sequence: number;
  takenAtMs: number | undefined;
}

export class SentBatches {
  #batches: Sent[] = [];
  #takenBytes = 0;

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** Bytes that were written and are not done. */
  get bytes(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : last.end - this.#doneBytes;
  }

  #doneBytes = 0;

  add(sequence: number, end: number): void {
    this.#batches.push({ end, sequence, takenAtMs: undefined });
  }

  /** The peer's kernel has so many bytes of the connection. True: more than before. */
  taken(bytes: number, nowMs: number): boolean {
    if (bytes <= this.#takenBytes) return false;
    this.#takenBytes = bytes;
    for (const batch of this.#batches) {
      if (batch.end > bytes) break;
      batch.takenAtMs ??= nowMs;
    }
    return true;
  }

  /** The last record that is done, if there are new ones. `graceMs` 0: the peer has ended in order. */
  done(nowMs: number, graceMs: number): number | undefined {
    const isDone = ({ takenAtMs }: Sent) => takenAtMs !== undefined && nowMs - takenAtMs >= graceMs;
    const count = this.#batches.findIndex((batch) => !isDone(batch));
    const gone = this.#batches.splice(0, count < 0 ? this.#batches.length : count);
    const last = gone.at(-1);
    if (last !== undefined) this.#doneBytes = last.end;
    return last?.sequence;
  }
}
