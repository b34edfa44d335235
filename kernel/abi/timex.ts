// The kernel's account of its clock: struct timex and its numbers, from <sys/timex.h> on 64-bit Linux (x86-64
// and arm64 agree). With modes 0 the call only reads, and needs no right.

/**
 * modes@0 (u32) offset@8 freq@16 maxerror@24 esterror@32 (i64, microseconds) status@40 (i32) constant@48
 * precision@56 tolerance@64 time@72 tick@88 …; 208 bytes.
 */
export const TIMEX = {
  size: 208,
  modes: 0,
  offset: 8,
  freq: 16,
  maxerror: 24,
  esterror: 32,
  status: 40,
} as const;

export const STA = { STA_INS: 0x10, STA_DEL: 0x20, STA_UNSYNC: 0x40 } as const;

/** What adjtimex returns. TIME_ERROR says "not synchronised"; it is no failure. */
export const TIME = {
  TIME_OK: 0,
  TIME_INS: 1,
  TIME_DEL: 2,
  TIME_OOP: 3,
  TIME_WAIT: 4,
  TIME_ERROR: 5,
} as const;
