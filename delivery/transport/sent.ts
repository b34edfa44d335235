// Batches that were written to a TCP socket, until it is likely enough that a program has read them. TCP tells
// its sender only how many bytes the other kernel has taken. Promises: a batch is done when its last byte has
// been taken, and after that either the connection has lived on for GRACE_MS, or so many more bytes have been
// taken that it cannot lie in the kernel's buffer any more. Whatever ends a connection, what is not done is sent
// again: a program that stops may drop what it has read already (syslog-ng does), or never have read it.
//
// Refuses: to know a socket. It is told of bytes and times.

/** A break costs at most so much time's messages, which come twice; a server that reads reads sooner. */
export const GRACE_MS = 1000;
/** Above the largest receive buffer that Linux gives by itself: net.ipv4.tcp_rmem, 6 MiB. */
export const UNREAD_BYTES_MAX = 8 * 1024 * 1024;

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

  get count(): number {
    return this.#batches.length;
  }

  /** Bytes that were written and that the peer's kernel has not taken. */
  get untakenBytes(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : Math.max(0, last.end - this.#takenBytes);
  }

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

  /** The last record that is done, if there are new ones. `graceMs` 0: we have ended, and the peer as well. */
  done(nowMs: number, graceMs: number): number | undefined {
    let count = 0;
    while (count < this.#batches.length && this.#isDone(this.#batches[count] as Sent, nowMs, graceMs))
      count++;
    return this.#batches.splice(0, count).at(-1)?.sequence;
  }

  #isDone({ end, takenAtMs }: Sent, nowMs: number, graceMs: number): boolean {
    if (takenAtMs === undefined) return false;
    return nowMs - takenAtMs >= graceMs || this.#takenBytes - end >= UNREAD_BYTES_MAX;
  }
}
