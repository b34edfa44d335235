// What a message may put into the path of a file. Hosts and programs are named by whoever sends, so each
// value is made safe here and nowhere else: it can neither leave its directory, nor hide, nor break a
// terminal, nor be longer than a file system takes. Two values that differ in harmless characters stay two.

import { createHash } from 'node:crypto';

/** NAME_MAX (linux/limits.h) is 255 bytes; the rest is room for `.NN.gz` of a rotated file. */
const NAME_BYTES_MAX = 240;
const NAME_BYTES_KEPT = 200;

/** Stands for a value that the message does not have. */
const ABSENT = 'unknown';

/** Separators of paths and lines, and all that Unicode calls control, format, private or unassigned (bidi marks too). */
const UNSAFE = /[/\\\p{C}\p{Zl}\p{Zp}\ufffd]/gu;

/** One value, as it may stand anywhere within a part of a path. */
export function safeWord(value: string): string {
  return value === '' ? ABSENT : value.replace(UNSAFE, '_');
}

/** One part of a path (what stands between two slashes), after its words were put in. */
export function safePart(part: string): string {
  const visible = part.startsWith('.') ? `_${part.slice(1)}` : part;
  if (Buffer.byteLength(visible) <= NAME_BYTES_MAX) return visible;
  const digest = createHash('sha256').update(part).digest('hex').slice(0, 16);
  return `${cutBytes(visible, NAME_BYTES_KEPT)}~${digest}`;
}

/** The longest beginning of whole characters that fits. */
function cutBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  let end = bytesMax;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
