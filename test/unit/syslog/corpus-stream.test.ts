// The corpus tier `stream`: byte streams from the test suites of other programs, and the messages in them.
// What agreement means where a strict parser calls an error stands in docs/framing.md. Skipped, with the
// reason, where the corpus is not beside the repository.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frame, Framer, HEADROOM_EXTRA } from '../../../syslog/framing.ts';
import { bytesOf, type CorpusCase, differences, findCorpus, readCorpus } from './corpus.ts';

interface StreamCase extends CorpusCase {
  readonly framing?: string;
  readonly descr?: string;
  readonly expect_frames?: readonly NonNullable<CorpusCase['expect']>[];
  readonly expect_rawmsgs?: readonly string[];
  readonly expect_frame_count?: number;
}

/** A datagram is a message by itself: no framing takes place. */
const FRAMED = (entry: StreamCase) => entry.tier === 'stream' && entry.framing !== 'datagram';

/** The limit that the source's test ran with, where it matters. */
function limitOf({ note = '', descr = '' }: StreamCase): number {
  if (/gt max message length/.test(descr)) return 8;
  return Number(/MaxMessageSize (\d+)/.exec(note)?.[1] ?? 8192);
}

interface Framed {
  readonly frames: Buffer[];
  readonly cut: number;
  readonly skipped: number;
}

function frame(entry: StreamCase, chunk: number): Framed {
  const source = bytesOf(entry);
  const messageBytesMax = limitOf(entry);
  const framer = new Framer({ messageBytesMax, multiLine: entry.framing === 'regex' });
  const headroom = messageBytesMax + HEADROOM_EXTRA;
  const arena = Buffer.alloc(headroom + chunk + 2);
  const one = new Frame();
  const frames: Buffer[] = [];
  let cut = 0;
  const feed = (from: number, to: number) => {
    source.copy(arena, headroom, from, to);
    framer.feed(arena, headroom, headroom + to - from);
    while (framer.next(one)) {
      frames.push(Buffer.from(arena.subarray(one.start, one.end)));
      if (one.cut) cut++;
    }
    framer.keepRest();
  };
  for (let at = 0; at < source.length; at += chunk) feed(at, Math.min(at + chunk, source.length));
  framer.finish();
  feed(0, 0);
  return { frames, cut, skipped: framer.skippedBytes };
}

/** Empty when our frames agree with the case; else what does not. */
function disagreements(entry: StreamCase, { frames, cut, skipped }: Framed): string[] {
  const texts = frames.map((bytes) => bytes.toString('latin1'));
  const wrong: string[] = [];
  if (entry.expect_frame_count !== undefined && frames.length !== entry.expect_frame_count)
    wrong.push(`${frames.length} frames instead of ${entry.expect_frame_count}`);
  for (const [at, raw] of (entry.expect_rawmsgs ?? []).entries()) {
    const wanted = Buffer.from(raw).toString('latin1');
    if (texts[at] !== wanted)
      wrong.push(`frame ${at} is ${JSON.stringify(texts[at])}, not ${JSON.stringify(wanted)}`);
  }
  for (const [at, expect] of (entry.expect_frames ?? []).entries()) {
    if (expect.error === true) break;
    const bytes = frames[at];
    if (bytes === undefined) wrong.push(`frame ${at} is missing`);
    else {
      const { raw_b64: _, ...rest } = entry;
      const fields = differences({ ...rest, raw: bytes.toString(), expect });
      if (fields.length > 0) wrong.push(`frame ${at} reads differently: ${fields.join(', ')}`);
    }
  }
  if (cut === 0 && skipped > 0) wrong.push('bytes were skipped without a mark');
  if (!keepsAll(entry, texts, skipped)) wrong.push('bytes were lost');
  return wrong;
}

/** Every byte of the stream but counts and delimiters is in a frame, or was counted as cut off. */
function keepsAll(entry: StreamCase, texts: readonly string[], skipped: number): boolean {
  const letters = (text: string) => text.replace(/[^A-Za-z<>:.]/g, '').length;
  const kept = letters(texts.join(''));
  const sent = letters(bytesOf(entry).toString('latin1'));
  return skipped > 0 ? kept <= sent : kept === sent;
}

const folder = findCorpus();

test('the stream cases of the corpus are framed as their sources say', {
  skip: folder === undefined ? 'no ../shared/corpus beside the repository' : false,
}, (t) => {
  let total = 0;
  for (const [source, cases] of readCorpus(folder as string)) {
    const streams = (cases as StreamCase[]).filter(FRAMED);
    if (streams.length === 0) continue;
    const wrong = streams.flatMap((entry) => {
      const found = [1, 3, 100_000].flatMap((chunk) => disagreements(entry, frame(entry, chunk)));
      return found.length > 0 ? [`${entry.src}: ${[...new Set(found)].join('; ')}`] : [];
    });
    t.diagnostic(`${source}: ${streams.length - wrong.length} of ${streams.length} agree`);
    for (const line of wrong) t.diagnostic(`  ${line}`);
    assert.deepEqual(wrong, []);
    total += streams.length;
  }
  assert.ok(total > 0, 'the corpus holds stream cases');
});
