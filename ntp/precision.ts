// The precision that an answer claims (RFC 5905 section 7.3): log2 of the larger of the clock's resolution and
// the time it takes to read it, measured with the very call that stamps the packets.

/** What is plausible of a computer: 16 ms to 1 ns. */
const WORST = -6;
const BEST = -30;

/** Readings that follow each other as fast as they can, in ns: `gaps` are the differences between neighbours. */
export function precisionOf(gapsNs: readonly number[]): number {
  const moved = gapsNs.filter((gap) => gap > 0).sort((a, b) => a - b);
  // A low tenth: what the reading costs when nothing comes between. The least is luck of the clock's grain.
  const gapNs = moved[Math.floor(moved.length / 10)];
  if (gapNs === undefined) return WORST;
  return Math.max(BEST, Math.min(WORST, Math.ceil(Math.log2(gapNs / 1e9))));
}
