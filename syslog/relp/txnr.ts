// The numbers of RELP transactions: a connection starts with 1, each command takes the next one, and behind
// 999,999,999 comes 1 again (RELP specification 0.0.1, "RELP frame"). 0 marks hints, which nobody answers.

export const TXNR_MAX = 999_999_999;
export const TXNR_FIRST = 1;
/** Hints carry it. */
export const TXNR_HINT = 0;

export function nextTxnr(txnr: number): number {
  return txnr >= TXNR_MAX ? TXNR_FIRST : txnr + 1;
}

/** How many steps lead from one number to the other: 0 to TXNR_MAX - 1. */
export function txnrDistance(from: number, to: number): number {
  return to >= from ? to - from : to - from + TXNR_MAX;
}
