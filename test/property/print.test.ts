// What holds for every message: parse(print(x)) = x for what a format can hold, one line with one LF, never
// longer than the worst case, valid JSON for any bytes. Random streams of bytes come from a seeded generator of
// our own (its seed is printed on failure), well-formed messages from fast-check.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc, SEED } from './chance.ts';
import { isClean } from '../../syslog/escape.ts';
import { parseMessage } from '../../syslog/parse.ts';
import { FILE_FORMATS, type FileFormat, LinePrinter, lineBytesMax, worstCase } from '../../syslog/print.ts';
import { WireEncoder, type WireFields } from '../../syslog/print-wire.ts';
import { FORMAT, LogRecord, TROUBLE } from '../../syslog/record.ts';
import { readStructured } from '../../syslog/structured.ts';
import { type Instant, resolveTime, UTC, zoneFor } from '../../syslog/time.ts';

const RECEIVED_MS = Date.UTC(2025, 10, 20, 12, 34, 15, 678);
const RECEIVED_SEC = Math.floor(RECEIVED_MS / 1000);
const ROUNDS = 60_000;

const arena = new ArrayBuffer(1 << 18);
const bytes = Buffer.from(arena);
const words = new Int32Array(arena);
const MESSAGE_AT = 200_003;
const record = new LogRecord();
const printer = new LinePrinter(UTC, 'tcp');
const peer = { text: Buffer.from('192.0.2.7'), zone: UTC, printsAsSent: true };

function parse(message: Uint8Array): void {
  bytes.set(message, MESSAGE_AT);
  parseMessage(record, bytes, MESSAGE_AT, MESSAGE_AT + message.length);
}

/** The record's line without its LF, after the checks that hold for every line. */
function print(format: FileFormat, seen: string): Buffer {
  const worst = worstCase(format, record, peer);
  assert.ok(
    worst <= lineBytesMax(Math.max(record.end - record.start, 1)),
    `${format} ${seen}: the longest line`,
  );
  bytes.fill(0x0a, 0, Math.min(worst + 16, MESSAGE_AT));
  const clean = isClean(words, bytes, record.headerStart, record.end);
  const end = printer.print(format, record, peer, RECEIVED_MS, bytes, 0, clean);
  assert.ok(end <= worst, `${format} ${seen}: ${end} bytes, the worst case is ${worst}`);
  assert.equal(bytes[end - 1], 0x0a, `${format} ${seen}: ends with LF`);
  const line = Buffer.from(bytes.subarray(0, end - 1));
  const control = line.find((byte) => byte < 0x20 || byte === 0x7f);
  assert.equal(
    control,
    undefined,
    `${format} ${seen}: a control byte in ${JSON.stringify(line.toString('latin1'))}`,
  );
  return line;
}

const field = (start: number, end: number) => (start < 0 ? undefined : bytes.toString('utf8', start, end));

/** The fields of the parsed record in the shape that the encoder takes. */
function fields(): Omit<WireFields, 'message'> & { message: string; format: number } {
  const time: Instant = { sec: 0, nanos: 0 };
  const hasTime = resolveTime(record, RECEIVED_MS, UTC, time);
  return {
    format: record.format,
    pri: record.pri,
    ...(hasTime ? { time } : {}),
    ...optional('host', field(record.hostStart, record.hostEnd)),
    ...optional('program', field(record.programStart, record.programEnd)),
    ...optional('procid', field(record.procidStart, record.procidEnd)),
    ...optional('msgid', field(record.msgidStart, record.msgidEnd)),
    structured: record.sdStart < 0 ? [] : readStructured(bytes, record.sdStart, record.sdEnd),
    message: bytes.toString('utf8', record.msgStart, record.msgEnd),
  };
}

function optional(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

// ---- well-formed messages

const PRINTABLE = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => 33 + at));
const word = (letters: string, maxLength: number) =>
  fc
    .array(fc.constantFrom(...letters.split('')), { minLength: 1, maxLength })
    .map((chars) => chars.join(''))
    .filter((text) => text !== '-');
const sdName = word(PRINTABLE.replace(/[=\]"]/g, ''), 32);
/** Text without control characters: those are changed on purpose, into `#ooo`. */
const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((chars) => chars.replace(/\p{Cc}/gu, '¶'))
  .filter((chars) => !chars.startsWith('\ufeff'));
const element = fc
  .tuple(
    sdName,
    fc.array(fc.tuple(fc.oneof(sdName, fc.constantFrom('a', 'b', '__proto__')), text), { maxLength: 20 }),
  )
  .map(([id, params]) => ({ id, params }));
const structured = fc.uniqueArray(element, { maxLength: 3, selector: ({ id }) => id });
/** 1970 to 2199: the years that a stamp may name. */
const time = fc
  .tuple(fc.integer({ min: 0, max: 7_258_000_000 }), fc.integer({ min: 0, max: 999_999 }))
  .map(([sec, micros]) => ({ sec, nanos: micros * 1000 }));
const message5424 = fc.record(
  {
    pri: fc.integer({ min: 0, max: 191 }),
    time,
    host: word(PRINTABLE, 255),
    program: word(PRINTABLE, 48),
    procid: word(PRINTABLE, 128),
    msgid: word(PRINTABLE, 32),
    structured,
    message: text,
  },
  { requiredKeys: ['pri', 'structured', 'message'], noNullPrototype: true },
);

test('RFC 5424: parse(print(x)) = x for every field, from the wire and from the file', () => {
  const encoder = new WireEncoder(zoneFor('-03:30'));
  fc.assert(
    fc.property(message5424, (sent) => {
      const wire = encoder.encodeRfc5424({ ...sent, message: Buffer.from(sent.message) } as WireFields);
      parse(wire);
      assert.equal(record.trouble, TROUBLE.none, wire.toString());
      assert.deepEqual(fields(), { ...sent, format: FORMAT.rfc5424 });
      const line = print('rfc5424', wire.toString());
      parse(line);
      const instant = { sec: RECEIVED_SEC, nanos: 678_000_000 };
      const filled = { time: instant, host: '192.0.2.7', ...sent, format: FORMAT.rfc5424 };
      assert.deepEqual(fields(), filled);
      parse(wire);
      assert.deepEqual(print('raw', 'raw'), wire);
    }),
    { numRuns: 3000 },
  );
});

/** An object as a list, so that names such as __proto__ are names like others. */
function entries(object: unknown): unknown {
  if (object === null) return [];
  return sorted(
    Object.entries(object as object).map(([id, params]) => [id, sorted(Object.entries(params as object))]),
  );
}

function expectedEntries(elements: NonNullable<WireFields['structured']>): unknown {
  const all = elements.map(({ id, params }): [string, unknown] => {
    const names = [...new Set(params.map(([name]) => name))];
    return [id, sorted(names.map((name): [string, unknown] => [name, valuesOf(params, name)]))];
  });
  return sorted(all);
}

function valuesOf(params: readonly (readonly [string, string])[], name: string): unknown {
  const values = params.filter((param) => param[0] === name).map((param) => param[1]);
  return values.length === 1 ? values[0] : values;
}

function sorted<Value>(list: [string, Value][]): [string, Value][] {
  return list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

test('JSON holds every field of a well-formed message', () => {
  const encoder = new WireEncoder(UTC);
  fc.assert(
    fc.property(message5424, (sent) => {
      const wire = encoder.encodeRfc5424({ ...sent, message: Buffer.from(sent.message) } as WireFields);
      parse(wire);
      const found = JSON.parse(print('json', wire.toString()).toString()) as Record<string, unknown>;
      assert.equal(found['pri'], sent.pri);
      for (const name of ['host', 'program', 'procid', 'msgid'] as const)
        assert.equal(found[name], sent[name] ?? null);
      assert.equal(found['message'], sent.message);
      assert.deepEqual(entries(found['structuredData']), expectedEntries(sent.structured));
      const at = sent.time === undefined ? null : sent.time.sec * 1000 + Math.floor(sent.time.nanos / 1e6);
      assert.equal(found['timestamp'] === null ? null : Date.parse(found['timestamp'] as string), at);
    }),
    { numRuns: 1500 },
  );
});

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const traditional = fc.record(
  {
    pri: fc.integer({ min: 0, max: 191 }),
    // Within half a year of the reception: the year is found again.
    sec: fc.integer({ min: RECEIVED_SEC - 15_000_000, max: RECEIVED_SEC + 15_000_000 }),
    host: word(`${LETTERS}0123456789`, 30).map((name) => `h${name}`),
    program: word(`${LETTERS}-_/.`, 30).map((name) => `p${name}z`),
    procid: fc.integer({ min: 1, max: 4_194_304 }).map(String),
    message: text,
  },
  { requiredKeys: ['pri', 'sec', 'host', 'program', 'message'], noNullPrototype: true },
);

test('traditional: parse(print(x)) = x for what it can hold', () => {
  const encoder = new WireEncoder(UTC);
  fc.assert(
    fc.property(traditional, ({ sec, ...sent }) => {
      const instant = { sec, nanos: 0 };
      const wire = encoder.encodeRfc3164(
        { ...sent, message: Buffer.from(sent.message) } as WireFields,
        instant,
      );
      parse(wire);
      const line = print('traditional', wire.toString());
      assert.equal(
        line.toString(),
        wire
          .toString()
          .replace(/^<\d+>/, '')
          .replace(/: $/, ':'),
      );
      parse(Buffer.concat([Buffer.from(`<${sent.pri}>`), line]));
      const { format: _, ...found } = fields();
      assert.deepEqual(found, { ...sent, time: instant, structured: [] });
    }),
    { numRuns: 3000 },
  );
});

// ---- any bytes

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const SEEDS = [
  '<13>Nov 20 12:34:15 host1 app1[123]: a text of some words',
  '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 12 ID47 [e@1 iut="3" x="\\"]"][b@2] An event',
  '<189>42: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console',
  '<14>1 2025-11-20T12:34:15Z esx1 Hostd 7 - [Originator@6876 sub=Vimsvc opID=ab-1] x',
  '<134>1 2025-11-20T12:34:15Z gw CheckPoint 9 - [action:"Accept"; src:"192.0.2.1"; ]',
  'CEF:0|Vendor|Product|1|100|name|5|src=192.0.2.1 msg=text',
  'no header at all, é and 日本',
].map((seed) => Buffer.from(seed));
const SALT = Buffer.from('<>[]"\\=:- \n\r\t\0\x1b\x7f\x80\x9b\xc2\xe2\xff0123456789az', 'latin1');

/** A well-known message with some of its bytes replaced, removed, doubled or cut off. */
function mutated(next: () => number): Buffer {
  const seed = SEEDS[next() % SEEDS.length] as Buffer;
  const out = [...seed];
  for (let changes = next() % 8; changes > 0 && out.length > 0; changes--) {
    const at = next() % out.length;
    const salt = SALT[next() % SALT.length] as number;
    const kind = next() % 4;
    if (kind === 0) out[at] = salt;
    else if (kind === 1) out.splice(at, 1 + (next() % 4));
    else if (kind === 2) out.splice(at, 0, ...new Array<number>(1 + (next() % 6)).fill(salt));
    else out.length = at;
  }
  return Buffer.from(out);
}

test(`${ROUNDS} broken messages: one line, valid JSON, RFC 5424 that can be read again (seed ${SEED})`, () => {
  const next = random(SEED);
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  for (let round = 0; round < ROUNDS; round++) {
    const message = mutated(next);
    const seen = `seed ${SEED}, round ${round}: ${JSON.stringify(message.toString('latin1'))}`;
    for (const format of FILE_FORMATS) {
      parse(message);
      const line = print(format, seen);
      if (format === 'json') {
        const found = JSON.parse(line.toString()) as { message: string };
        assert.equal(found.message, utf8.decode(bytes.subarray(record.msgStart, record.msgEnd)), seen);
        assert.ok(line.equals(Buffer.from(line.toString())), `${seen}: valid UTF-8`);
      }
      if (format === 'rfc5424') {
        const { pri } = record;
        parse(line);
        assert.equal(record.format, FORMAT.rfc5424, `${seen} became ${line.toString('latin1')}`);
        assert.equal(record.trouble, TROUBLE.none, `${seen} became ${line.toString('latin1')}`);
        assert.equal(record.pri, pri, seen);
      }
    }
  }
});
