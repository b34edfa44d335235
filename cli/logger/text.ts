// Where the messages of `belfry logger` come from: the words of the command line, or the lines of a file or of
// stdin, in pieces of the size that the receiver takes. A piece never ends inside a UTF-8 character, and no
// more than one piece and one chunk are held, however long a line is.

/** A message, and the PRI that its line asked for. */
export interface Piece {
  readonly pri: number;
  readonly text: Uint8Array;
}

export interface LineRules {
  /** The PRI of lines that name none. */
  readonly pri: number;
  readonly sizeMax: number;
  readonly skipEmpty: boolean;
  /** A line may begin with `<PRI>`. */
  readonly prioPrefix: boolean;
}

const LF = 10;
const NOTHING: Buffer = Buffer.alloc(0);
/** `<191>` */
const PREFIX_BYTES_MAX = 5;

/**
 * Words with a space between them, as many as fit into one piece; a word that is too long for a piece is cut
 * and the rest of it dropped, as util-linux does with what was typed by hand.
 */
export function* piecesOfWords(words: readonly string[], sizeMax: number): Generator<Uint8Array> {
  let piece: Buffer = NOTHING;
  for (const word of words) {
    const bytes = cutAt(Buffer.from(word), sizeMax);
    if (piece.length > 0 && piece.length + 1 + bytes.length > sizeMax) {
      yield piece;
      piece = NOTHING;
    }
    piece = piece.length === 0 ? bytes : Buffer.concat([piece, Buffer.from(' '), bytes]);
  }
  if (piece.length > 0) yield piece;
}

/** The lines of a stream; the last one needs no line end. */
export async function* piecesOfLines(
  input: AsyncIterable<Uint8Array>,
  rules: LineRules,
): AsyncGenerator<Piece> {
  const reader = new LineReader(rules);
  for await (const chunk of input) {
    reader.push(chunk);
    yield* reader.pieces(false);
  }
  yield* reader.pieces(true);
}

class LineReader {
  private readonly rules: LineRules;
  private rest: Buffer = NOTHING;
  private pri: number;
  private isLineStart = true;

  constructor(rules: LineRules) {
    this.rules = rules;
    this.pri = rules.pri;
  }

  push(chunk: Uint8Array): void {
    this.rest = this.rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.rest, chunk]);
  }

  *pieces(isEnd: boolean): Generator<Piece> {
    for (;;) {
      const lf = this.rest.indexOf(LF);
      const length = lf < 0 ? this.rest.length : lf;
      if (lf < 0 && (length === 0 || (!isEnd && length <= this.rules.sizeMax + PREFIX_BYTES_MAX))) return;
      if (this.isLineStart) {
        const prefix = this.takePrefix(length);
        if (prefix > 0) {
          this.rest = this.rest.subarray(prefix);
          this.isLineStart = false;
          if (length - prefix > 0 || lf < 0) continue;
        }
      }
      const text = cutAt(
        this.rest.subarray(0, lf < 0 ? undefined : this.rest.indexOf(LF)),
        this.rules.sizeMax,
      );
      const isWhole = this.rest[text.length] === LF;
      if (text.length > 0 || !this.rules.skipEmpty) yield { pri: this.pri, text };
      this.rest = this.rest.subarray(text.length + (isWhole ? 1 : 0));
      this.isLineStart = isWhole;
    }
  }

  /** Length of `<PRI>` at the start of a line; its PRI holds for this line alone. */
  private takePrefix(length: number): number {
    this.pri = this.rules.pri;
    if (!this.rules.prioPrefix) return 0;
    const [prefix = '', digits = ''] =
      /^<(\d{1,3})>/.exec(this.rest.toString('latin1', 0, Math.min(length, PREFIX_BYTES_MAX))) ?? [];
    const pri = Number(digits);
    if (prefix === '' || pri > 191) return 0;
    // Without a facility of its own it takes that of --priority.
    this.pri = pri < 8 ? (this.rules.pri & ~7) | pri : pri;
    return prefix.length;
  }
}

/** At most `bytesMax` bytes, without tearing a UTF-8 character. */
function cutAt(text: Buffer, bytesMax: number): Buffer {
  if (text.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > bytesMax - 4 && end > 1 && ((text[end] as number) & 0xc0) === 0x80) end--;
  return text.subarray(0, ((text[end] as number) & 0xc0) === 0x80 ? bytesMax : end);
}
