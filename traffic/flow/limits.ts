// How many flows are remembered, and how long: every span that turns silence into an event or an end. In microseconds,
// as all times of this room. Refuses: nothing; whoever sets them has checked them.

export interface FlowLimits {
  readonly flowsMax: number;
  /** After the end, packets that come still belong to the flow (2 × MSL is 60 s on Linux). */
  readonly tailUs: number;
  /** A SYN without any answer is told after this silence; retries come after 1, 2, 4, 8, 16 s. */
  readonly noAnswerUs: number;
  /** Bytes wait so long for an acknowledgement, however often they are sent again. */
  readonly timeoutUs: number;
  /** One side is done, the other is not. */
  readonly halfClosedUs: number;
  /** Both sides are done, and the last ACK was not seen. */
  readonly closingUs: number;
  /** A TCP connection may rest this long: as long as the kernel's own table of connections lets it (nf_conntrack). */
  readonly tcpIdleUs: number;
  /** UDP, ICMP and all else end by silence alone. */
  readonly otherIdleUs: number;
  /** A long connection is told again. */
  readonly updateUs: number;
  /** The same flow seen on another interface counts only when the first has been silent this long. */
  readonly observerUs: number;
  /** A SYN on a connection that has been silent this long is a new connection. */
  readonly reuseUs: number;
}

const SECOND = 1_000_000;

export const FLOW_LIMITS: FlowLimits = {
  flowsMax: 65_536,
  tailUs: 60 * SECOND,
  noAnswerUs: 20 * SECOND,
  timeoutUs: 60 * SECOND,
  halfClosedUs: 60 * SECOND,
  closingUs: 5 * SECOND,
  tcpIdleUs: 5 * 24 * 3600 * SECOND,
  otherIdleUs: 60 * SECOND,
  updateUs: 600 * SECOND,
  observerUs: SECOND,
  reuseUs: 30 * SECOND,
};
