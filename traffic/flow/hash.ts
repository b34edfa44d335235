// The hash of a flow's two ends, the same for both directions. Salted by its caller.

/** A multiplicative hash of one end; the constants are those of Murmur3's finalizer. */
export function mix(w0: number, w1: number, w2: number, w3: number, port: number): number {
  let h = Math.imul(w0 ^ 0x85ebca6b, 0xcc9e2d51);
  h = Math.imul((h ^ (h >>> 15)) + w1, 0x1b873593);
  h = Math.imul((h ^ (h >>> 13)) + w2, 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 16)) + w3, 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 13)) + port, 0xcc9e2d51);
  return h ^ (h >>> 16);
}

/** The two ends in either order. */
export function join(src: number, dst: number, kind: number): number {
  const both = Math.imul((src + dst) | 0, 0x9e3779b1) ^ Math.imul(kind, 0x85ebca6b);
  return both ^ (both >>> 15);
}
