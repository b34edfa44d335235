// Classic BPF (bpf(4), Documentation/networking/filter.rst) from instructions with labels to the bytes that
// SO_ATTACH_FILTER takes: eight each, in the byte order of the machine.
//
//   | code 2 | jump if true 1 | jump if false 1 | constant 4 |
//
// Refuses: programs whose jumps or length do not fit; the answer is then undefined, and no filter is attached.

import { endianness } from 'node:os';

/** linux/bpf_common.h; each name says size and addressing as in filter.rst. */
export const OP = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadByte: 0x30,
  loadHalfAtX: 0x48,
  loadByteAtX: 0x50,
  loadLength: 0x80,
  /** X = 4 × the low four bits of a byte: the length of an IPv4 header. */
  loadHeaderLength: 0xb1,
  subtractX: 0x1c,
  and: 0x54,
  jump: 0x05,
  ifEqual: 0x15,
  ifGreater: 0x25,
  ifAtLeast: 0x35,
  ifAnyBit: 0x45,
  ifAtLeastX: 0x3d,
  answer: 0x06,
} as const;

/** linux/bpf_common.h, BPF_MAXINSNS. */
const INSTRUCTIONS_MAX = 4096;
const JUMP_MAX = 255;

/** A place in the program, known when it is placed. All jumps go forward. */
export interface Label {
  place: number;
}

interface Instruction {
  readonly code: number;
  readonly constant: number;
  readonly yes?: Label;
  readonly no?: Label;
}

export class Assembler {
  private readonly instructions: Instruction[] = [];

  label(): Label {
    return { place: -1 };
  }

  place(label: Label): void {
    label.place = this.instructions.length;
  }

  emit(code: number, constant = 0): void {
    this.instructions.push({ code, constant });
  }

  /** Goes to one of two labels. */
  branch(code: number, constant: number, yes: Label, no: Label): void {
    this.instructions.push({ code, constant, yes, no });
  }

  goto(label: Label): void {
    this.instructions.push({ code: OP.jump, constant: 0, yes: label });
  }

  assemble(): Buffer | undefined {
    if (this.instructions.length > INSTRUCTIONS_MAX) return undefined;
    const out = Buffer.alloc(this.instructions.length * 8);
    const fits = this.instructions.every((one, at) => write(one, at, out));
    return fits ? out : undefined;
  }
}

function write(one: Instruction, at: number, out: Buffer): boolean {
  const yes = one.yes === undefined ? 0 : one.yes.place - at - 1;
  const no = one.no === undefined ? 0 : one.no.place - at - 1;
  const isJump = one.code === OP.jump;
  if (yes < 0 || no < 0 || no > JUMP_MAX || (!isJump && yes > JUMP_MAX)) return false;
  const view = new DataView(out.buffer, out.byteOffset + at * 8, 8);
  const isLittle = endianness() === 'LE';
  view.setUint16(0, one.code, isLittle);
  view.setUint8(2, isJump ? 0 : yes);
  view.setUint8(3, no);
  view.setUint32(4, (isJump ? yes : one.constant) >>> 0, isLittle);
  return true;
}
