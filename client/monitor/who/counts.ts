// What the thread that finds owners counts: one number for each name, in memory that both sides see. Written by the
// thread alone, read when somebody asks.

export const WHO_COUNTS = [
  /** SYNs and SYN-ACKs that were looked at. */
  'seen',
  /** First packets of UDP that were looked at. */
  'datagrams',
  /** Of them, those whose process was looked for. */
  'lookups',
  /** A process was found, by the descriptors of one that was known. */
  'foundKnown',
  /** A process was found, by looking through all. */
  'foundScan',
  /** Nobody was found for a socket that was there. */
  'foundNobody',
  /** Not looked up, since the thread had used its share of the processor. */
  'busy',
  /** SYNs that the kernel dropped, since the thread was slower than they came. */
  'kernelDrops',
  /** Ends of sockets that the kernel told. */
  'ends',
  /** Messages of the kernel that were lost, since the thread was slower than they came. */
  'overruns',
  /** Messages that could not be read. */
  'malformed',
  /** Ends that were forgotten, since the table was full. */
  'forgotten',
  'questions',
  /** Questions that were answered from what was known before. */
  'answeredKnown',
  /** Microseconds spent on looking owners up. */
  'spentUs',
] as const;
export type WhoCount = (typeof WHO_COUNTS)[number];

export type WhoCounts = Readonly<Record<WhoCount, number>>;

export class WhoCounters {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Float64Array;

  constructor(memory = new SharedArrayBuffer(WHO_COUNTS.length * Float64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#numbers = new Float64Array(memory);
  }

  add(name: WhoCount, number = 1): void {
    const at = WHO_COUNTS.indexOf(name);
    this.#numbers[at] = (this.#numbers[at] as number) + number;
  }

  /** What was counted in rehearsal. */
  clear(): void {
    this.#numbers.fill(0);
  }

  read(): WhoCounts {
    const entries = WHO_COUNTS.map((name, at) => [name, this.#numbers[at] as number] as const);
    return Object.fromEntries(entries) as Record<WhoCount, number>;
  }
}
