// Who sends: a table in shared memory with one row for each pair of sending address and host name. A lane
// finds a row once (with the routing decision) and then only adds to it; the main thread reads the rows
// when somebody asks, and knows their names from a message that each new row sends once.
//
//   row 0          everybody for whom there was no room
//   row 1 … max-1  one sender each; a row that was silent for long is given to the next newcomer
//
// Row, in 64-bit floats: messages, bytes, unparsed, last seen (ms), skew of the time stamp (ms), use.

export const SENDERS_MAX = 10_000;
export const ROW = { messages: 0, bytes: 1, unparsed: 2, lastSeenMs: 3, skewMs: 4, use: 5, size: 8 } as const;

/** A row may be taken over when its sender has said nothing for so long. */
const REUSE_AFTER_MS = 60_000;
/** Longest host name that is kept here (RFC 5424: HOSTNAME = 1*255); of a longer one, its beginning. */
const HOST_LETTERS_MAX = 255;
/** Rows looked at for one that may be reused, so that a flood of new names costs little. */
const REUSE_LOOKS = 8;

export type SenderTable = SharedArrayBuffer;

export function makeSenderTable(): SenderTable {
  return new SharedArrayBuffer(SENDERS_MAX * ROW.size * Float64Array.BYTES_PER_ELEMENT);
}

/** Tells that a row now belongs to this sender. `use` counts the owners that the row has had. */
export interface SenderNamed {
  readonly row: number;
  readonly use: number;
  readonly fromHostIp: string;
  readonly host: string;
}

export class SenderRows {
  readonly rows: Float64Array;
  readonly #byName = new Map<string, number>();
  readonly #names: string[] = [''];
  readonly #tell: (named: SenderNamed) => void;
  #hand = 0;

  constructor(table: SenderTable, tell: (named: SenderNamed) => void) {
    this.rows = new Float64Array(table);
    this.#tell = tell;
  }

  /** The offset of the sender's row; 0 (row 0) when there is no room for one more. */
  find(fromHostIp: string, hostText: string, nowMs: number): number {
    const host = hostText.length > HOST_LETTERS_MAX ? `${hostText.slice(0, HOST_LETTERS_MAX)}…` : hostText;
    const name = `${fromHostIp} ${host}`;
    const known = this.#byName.get(name);
    if (known !== undefined) return known * ROW.size;
    const row = this.#names.length < SENDERS_MAX ? this.#names.push(name) - 1 : this.#reuse(name, nowMs);
    if (row === 0) return 0;
    const at = row * ROW.size;
    this.#byName.set(name, row);
    const use = (this.rows[at + ROW.use] ?? 0) + 1;
    this.rows.fill(0, at, at + ROW.size);
    this.rows[at + ROW.use] = use;
    this.#tell({ row, use, fromHostIp, host });
    return at;
  }

  /** How many owners the row at this offset has had; another number means that it is somebody else's now. */
  useAt(row: number): number {
    return this.rows[row + ROW.use] ?? 0;
  }

  #reuse(name: string, nowMs: number): number {
    for (let looks = 0; looks < REUSE_LOOKS; looks += 1) {
      this.#hand = (this.#hand % (SENDERS_MAX - 1)) + 1;
      const lastSeenMs = this.rows[this.#hand * ROW.size + ROW.lastSeenMs] ?? 0;
      if (nowMs - lastSeenMs < REUSE_AFTER_MS) continue;
      this.#byName.delete(this.#names[this.#hand] ?? '');
      this.#names[this.#hand] = name;
      return this.#hand;
    }
    return 0;
  }
}
