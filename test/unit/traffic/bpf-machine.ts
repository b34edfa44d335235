// The kernel's classic BPF machine, as far as our programs need it (linux/filter.rst, net/core/filter.c): a load behind
// the end of the packet ends the program with 0. Refuses instructions that it does not know, and running off the end.

function load(bytes: Uint8Array, at: number, size: number): number | undefined {
  if (at + size > bytes.length) return undefined;
  let value = 0;
  for (let i = 0; i < size; i += 1) value = value * 256 + (bytes[at + i] as number);
  return value;
}

/** linux/filter.h, SKF_AD_OFF: what the kernel knows of a packet besides its bytes, by its offset from here. */
const ANCILLARY = 2 ** 32 - 0x1000;

const SIZES: Readonly<Record<number, number>> = { 0x20: 4, 0x28: 2, 0x30: 1, 0x48: 2, 0x50: 1 };

/** What the program answers: how many bytes to keep, 0 for none. */
export function runBpf(
  program: Buffer,
  packet: Uint8Array,
  ancillary: Readonly<Record<number, number>> = {},
): number {
  let [a, x] = [0, 0];
  for (let at = 0; at < program.length / 8; at += 1) {
    const code = program.readUInt16LE(at * 8);
    const [yes, no] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)];
    const k = program.readUInt32LE(at * 8 + 4);
    const size = SIZES[code];
    if (size !== undefined) {
      const value =
        ancillary[k - ANCILLARY] ?? load(packet, code === 0x48 || code === 0x50 ? x + k : k, size);
      if (value === undefined) return 0;
      a = value;
      continue;
    }
    switch (code) {
      case 0x80:
        a = packet.length;
        break;
      case 0xb1: {
        const value = load(packet, k, 1);
        if (value === undefined) return 0;
        x = (value & 15) * 4;
        break;
      }
      case 0x1c:
        a = (a - x) >>> 0;
        break;
      case 0x54:
        a = (a & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += a === k ? yes : no;
        break;
      case 0x25:
        at += a > k ? yes : no;
        break;
      case 0x35:
        at += a >= k ? yes : no;
        break;
      case 0x3d:
        at += a >= x ? yes : no;
        break;
      case 0x45:
        at += (a & k) !== 0 ? yes : no;
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`unknown instruction ${code.toString(16)} at ${at}`);
    }
  }
  throw new Error('the program ran off its end');
}
