// What a message may put into the path of a file. Hosts and programs are named by whoever sends, so each
// value is made safe here and nowhere else: it can neither leave its directory, nor hide, nor break a
// terminal, nor be longer than a file system takes. Two values that differ in harmless characters stay two.

import { createHash } from 'node:crypto';

/** NAME_MAX (linux/limits.h) is 255 bytes; the rest is room for `.NN.gz` of a rotated file. */
const NAME_BYTES_MAX = 240;
/** `~` and sixteen digits: what tells two long values apart of which only the beginning is kept. */
const DIGEST_BYTES = 17;
/** However many words stand in one part, each keeps some letters and its digest. */
const WORD_BYTES_MIN = DIGEST_BYTES + 4;

/** Stands for a value that the message does not have. */
const ABSENT = 'unknown';

/** Separators of paths and lines, and all that Unicode calls control, format, private or unassigned (bidi marks too). */
const UNSAFE = /[/\\\p{C}\p{Zl}\p{Zp}\ufffd]/gu;

/** What stands between two slashes of a template: the operator's own text, and values of the message. */
export type PathPiece = { readonly own: string } | { readonly value: string };

/** One part of a path. Long values are cut, so that what stands behind them (`.log`) stays. */
export function safePart(pieces: readonly PathPiece[]): string {
  const values = pieces.filter((piece) => 'value' in piece).length;
  if (values === 0) return pieces.map((piece) => ('own' in piece ? piece.own : '')).join('');
  const ownBytes = pieces.reduce(
    (sum, piece) => sum + ('own' in piece ? Buffer.byteLength(piece.own) : 0),
    0,
  );
  const valueBytes = Math.max(WORD_BYTES_MIN, Math.floor((NAME_BYTES_MAX - ownBytes) / values));
  const whole = pieces
    .map((piece) => ('own' in piece ? piece.own : safeValue(piece.value, valueBytes)))
    .join('');
  return shorten(whole.startsWith('.') ? `_${whole.slice(1)}` : whole, NAME_BYTES_MAX);
}

function safeValue(value: string, bytesMax: number): string {
  return value === '' ? ABSENT : shorten(value.replace(UNSAFE, '_'), bytesMax);
}

/** As it is, or its beginning and a digest of all of it. */
function shorten(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const digest = createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, DIGEST_BYTES - 1);
  return `${cutBytes(text, bytesMax - DIGEST_BYTES)}~${digest}`;
}

/** The longest beginning of whole characters that fits. */
function cutBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  let end = bytesMax;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
