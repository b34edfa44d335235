// What the thread that ends TLS counts: one table of names, one array of numbers in shared memory. The thread
// writes, the main thread reads when somebody asks.

/** Why a connection did not come to speak through TLS. Label values of a metric. */
export const TLS_TROUBLES = [
  /** Syslog, RELP or HTTP without TLS. */
  'plain_text',
  'not_tls',
  'old_version',
  'no_shared_cipher',
  'no_certificate',
  'certificate_expired',
  'certificate_not_yet_valid',
  'unknown_ca',
  'wrong_purpose',
  'bad_certificate',
  /** The peer does not accept the certificate that we show. */
  'rejected_by_peer',
  'peer_alert',
  'timeout',
  /** The peer ended the connection before the handshake was over. */
  'ended_early',
  'broken',
] as const;
export type TlsTrouble = (typeof TLS_TROUBLES)[number];

const TLS_COUNTS = [
  /** Good ones. */
  'handshakes',
  /** Connections that wait for their handshake's end now, and those behind it. */
  'underWay',
  'open',
  /** Good handshakes with a certificate that was not verified, where none is required. */
  'unverified',
  /** Grows once a second, as long as the thread lives. */
  'beats',
  ...TLS_TROUBLES.map((trouble) => `failed:${trouble}` as const),
] as const;
export type TlsCount = (typeof TLS_COUNTS)[number];

export type TlsCountTable = SharedArrayBuffer;

export function makeTlsCountTable(): TlsCountTable {
  return new SharedArrayBuffer(TLS_COUNTS.length * Float64Array.BYTES_PER_ELEMENT);
}

const SLOT = new Map<TlsCount, number>(TLS_COUNTS.map((name, at) => [name, at]));

export class TlsCounts {
  readonly #array: Float64Array;

  constructor(table: TlsCountTable) {
    this.#array = new Float64Array(table);
  }

  add(name: TlsCount, count: number): void {
    (this.#array[SLOT.get(name) as number] as number) += count;
  }

  get(name: TlsCount): number {
    return this.#array[SLOT.get(name) as number] as number;
  }
}
