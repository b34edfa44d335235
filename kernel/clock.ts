// The clocks of the machine, read to the nanosecond, and what the kernel knows of how good its clock is.
// Nothing here sets a clock.

import { CLOCK, TIMESPEC } from './abi/timestamp.ts';
import { STA, TIME, TIMEX } from './abi/timex.ts';
import { adjtimex, clockGettime } from './libc.ts';

export class ClockReader {
  /** Of the last `read`: seconds and nanoseconds. */
  sec = 0;
  nanos = 0;
  readonly #clock: number;
  readonly #bytes = new Uint8Array(TIMESPEC.size);
  readonly #words = new Uint32Array(this.#bytes.buffer);

  constructor(clock: 'realtime' | 'monotonic') {
    this.#clock = clock === 'realtime' ? CLOCK.CLOCK_REALTIME : CLOCK.CLOCK_MONOTONIC;
  }

  read(): void {
    clockGettime(this.#clock, this.#bytes);
    const words = this.#words;
    this.sec = (words[0] as number) + (words[1] as number) * 2 ** 32;
    this.nanos = words[2] as number;
  }
}

/** How far apart two readings are that follow each other at once, in ns; `count` times. */
export function measureGaps(clock: ClockReader, count: number): number[] {
  const gaps: number[] = [];
  clock.read();
  for (let i = 0; i < count; i += 1) {
    const { sec, nanos } = clock;
    clock.read();
    gaps.push((clock.sec - sec) * 1e9 + clock.nanos - nanos);
  }
  return gaps;
}

export interface KernelClock {
  readonly synchronised: boolean;
  readonly maxErrorSec: number;
  readonly pending: 'none' | 'insert' | 'remove';
  readonly leaping: boolean;
}

const timex = new Uint8Array(TIMEX.size);
const timexView = new DataView(timex.buffer);

/** Read-only. Undefined where the call is not allowed (a seccomp filter, for one). */
export function readKernelClock(): KernelClock | undefined {
  timexView.setUint32(TIMEX.modes, 0, true);
  const state = adjtimex(timex);
  if (state < 0) return undefined;
  const status = timexView.getInt32(TIMEX.status, true);
  const insert = (status & STA.STA_INS) !== 0;
  const remove = (status & STA.STA_DEL) !== 0;
  return {
    synchronised: (status & STA.STA_UNSYNC) === 0 && state !== TIME.TIME_ERROR,
    maxErrorSec: Number(timexView.getBigInt64(TIMEX.maxerror, true)) / 1e6,
    pending: insert ? 'insert' : remove ? 'remove' : 'none',
    leaping: state === TIME.TIME_OOP,
  };
}
