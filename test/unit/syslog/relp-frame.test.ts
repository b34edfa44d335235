// The frames of RELP one by one: what is read as one, what is refused, and how they are written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMAND, RelpFrame, RelpReader, relpHeadroom } from '../../../syslog/relp/frame.ts';
import { answerObjection, objection, parseOffers, printOffers } from '../../../syslog/relp/offers.ts';
import { RelpOutput, WORD } from '../../../syslog/relp/output.ts';
import { nextTxnr, TXNR_MAX, txnrDistance } from '../../../syslog/relp/txnr.ts';

const MAX = 20;
const DATA_MAX = 60;
const HEADROOM = relpHeadroom(MAX);
const NAMES = Object.fromEntries(Object.entries(COMMAND).map(([name, number]) => [number, name]));

/** Every frame as `txnr command data`, marked where it was cut; then the trouble and what was skipped. */
function read(text: string, chunk = text.length): string[] {
  const source = Buffer.from(text, 'latin1');
  const reader = new RelpReader({ messageBytesMax: MAX, dataBytesMax: DATA_MAX });
  const arena = Buffer.alloc(HEADROOM + Math.max(chunk, 1), 0x31);
  const frame = new RelpFrame();
  const found: string[] = [];
  for (let at = 0; at < source.length; at += chunk) {
    const end = source.copy(arena, HEADROOM, at, Math.min(at + chunk, source.length));
    reader.feed(arena, HEADROOM, HEADROOM + end);
    while (reader.next(frame)) {
      const data = arena.toString('latin1', frame.start, frame.end);
      found.push(
        `${frame.txnr} ${NAMES[frame.command]} ${data}${frame.cut ? ` [cut ${frame.dataBytes}]` : ''}`,
      );
    }
    assert.ok(reader.keepRest() <= HEADROOM, 'the carry fits the headroom');
  }
  if (reader.trouble !== 'none') found.push(reader.trouble);
  if (reader.skippedBytes > 0) found.push(`skipped ${reader.skippedBytes}`);
  return found;
}

function readAnyhow(text: string): string[] {
  const whole = read(text);
  for (const chunk of [1, 2, 7]) assert.deepEqual(read(text, chunk), whole, `in chunks of ${chunk}`);
  return whole;
}

test('a frame has a number, a command and data of the announced length', () => {
  assert.deepEqual(readAnyhow('1 open 3 a=b\n2 syslog 5 <1>ab\n3 close 0\n'), [
    '1 open a=b',
    '2 syslog <1>ab',
    '3 close ',
  ]);
  assert.deepEqual(readAnyhow('0 serverclose 0\n7 rsp 6 200 OK\n0 abort 0\n9 eventlog 1 x\n9 AZaz 0\n'), [
    '0 serverclose ',
    '7 rsp 200 OK',
    '0 abort ',
    '9 unknown x',
    '9 unknown ',
  ]);
});

test('data may hold line ends and anything else', () => {
  assert.deepEqual(readAnyhow('2 syslog 8 a\n1 b 2\n\n3 syslog 2 \0\xff\n'), [
    '2 syslog a\n1 b 2\n',
    '3 syslog \0\xff',
  ]);
});

test('a space before the end of an empty frame is let pass, leading zeros too', () => {
  assert.deepEqual(readAnyhow('1 close 0 \n002 syslog 000000003 abc\n'), ['1 close ', '2 syslog abc']);
});

test('numbers have nine digits and commands 32 letters at most', () => {
  assert.deepEqual(readAnyhow('999999999 rsp 0\n'), ['999999999 rsp ']);
  assert.deepEqual(readAnyhow('1000000000 rsp 0\n'), ['bad_header']);
  assert.deepEqual(readAnyhow('1 rsp 0000000000\n'), ['bad_header']);
  assert.deepEqual(readAnyhow(`1 ${'a'.repeat(32)} 0\n`), ['1 unknown ']);
  assert.deepEqual(readAnyhow(`1 ${'a'.repeat(33)} 0\n`), ['bad_header']);
});

test('what is no header is told as soon as it is seen', () => {
  const wrong = [
    '<34>text',
    ' 1 rsp 0\n',
    '\n',
    '1\n',
    '1  rsp 0\n',
    '1 r2 0\n',
    '1 rsp  0\n',
    '1 rsp x',
    '\x16\x03',
  ];
  for (const text of [
    ...wrong,
    '1 rsp 3\nabc\n',
    '1 rsp 0x\n',
    '1 rsp 0 x\n',
    'GET / HTTP/1.1\r\n',
    '1 @ 0\n',
    ' rsp 0\n',
    '1 rsp \n',
    '1 rsp20\n',
  ])
    assert.deepEqual(readAnyhow(text), ['bad_header'], JSON.stringify(text));
  assert.deepEqual(readAnyhow('1 `a 0\n'), ['bad_header']);
  assert.deepEqual(readAnyhow('1 a{ 0\n'), ['bad_header']);
});

test('an unfinished frame is no frame yet, and no trouble', () => {
  for (const text of [
    '1',
    '123456789',
    '1 sys',
    '1 syslog ',
    '1 syslog 5',
    '1 syslog 5 ab',
    '1 syslog 5 abcde',
    '1 x 0',
    '1 x 0 ',
  ])
    assert.deepEqual(readAnyhow(text), [], text);
});

test('after trouble nothing more is read', () => {
  assert.deepEqual(readAnyhow('1 rsp 0\nx2 rsp 0\n3 rsp 0\n'), ['1 rsp ', 'bad_header']);
  assert.deepEqual(readAnyhow('1 rsp 2 abc\n3 rsp 0\n'), ['bad_trailer']);
});

test('a long message is cut, its rest passed over, and the next one is whole', () => {
  const long = 'abcdefghij'.repeat(5);
  assert.deepEqual(readAnyhow(`1 syslog 50 ${long}\n2 syslog 1 x\n`), [
    `1 syslog ${long.slice(0, MAX)} [cut 50]`,
    '2 syslog x',
    'skipped 30',
  ]);
  assert.deepEqual(readAnyhow(`1 syslog 21 ${'a'.repeat(21)}x2 rsp 0\n`), [
    `1 syslog ${'a'.repeat(MAX)} [cut 21]`,
    'bad_trailer',
    'skipped 1',
  ]);
  assert.deepEqual(readAnyhow(`1 syslog ${MAX} ${'a'.repeat(MAX)}\n`), [`1 syslog ${'a'.repeat(MAX)}`]);
});

test('other commands are never cut', () => {
  const long = 'abcdefghij'.repeat(5);
  assert.deepEqual(readAnyhow(`1 open 50 ${long}\n`), [`1 open ${long}`]);
});

test('what is longer than can be meant is told before it comes', () => {
  assert.deepEqual(readAnyhow(`1 syslog ${DATA_MAX + 1} `), ['too_long']);
  assert.deepEqual(readAnyhow('1 syslog 999999999 aaaa'), ['too_long']);
  assert.deepEqual(readAnyhow('1 open 1025 '), ['too_long']);
  assert.deepEqual(readAnyhow('1 open 1024 '), []);
  assert.deepEqual(readAnyhow(`1 syslog ${DATA_MAX} `), []);
});

test('the longest unfinished frame fills the headroom', () => {
  for (const messageBytesMax of [MAX, 1025, 5000]) {
    const reader = new RelpReader({ messageBytesMax, dataBytesMax: 1_000_000 });
    const headroom = relpHeadroom(messageBytesMax);
    const dataBytes = Math.max(messageBytesMax, 1024);
    const header = `999999999 ${'a'.repeat(32)} ${String(dataBytes).padStart(9, '0')} `;
    const source = Buffer.from(`${header}${'x'.repeat(dataBytes)}\n`);
    const arena = Buffer.alloc(headroom + 1);
    const frame = new RelpFrame();
    for (let at = 0; at < source.length; at++) {
      assert.equal(reader.kept, at);
      arena[headroom] = source[at] as number;
      reader.feed(arena, headroom, headroom + 1);
      assert.equal(reader.next(frame), at === source.length - 1);
      if (at === source.length - 1)
        assert.equal(arena.toString('latin1', frame.start, frame.end), 'x'.repeat(dataBytes));
      reader.keepRest();
    }
    assert.equal(headroom, source.length - 1);
  }
});

test('a refused frame comes again, first of all', () => {
  const reader = new RelpReader({ messageBytesMax: MAX, dataBytesMax: DATA_MAX });
  const source = `1 syslog 1 a\n2 syslog 30 ${'b'.repeat(30)}\n3 syslog 1 c\n`;
  const arena = Buffer.alloc(HEADROOM + 200);
  const frame = new RelpFrame();
  reader.feed(arena, HEADROOM, HEADROOM + arena.write(source, HEADROOM));
  assert.ok(reader.next(frame));
  for (let round = 0; round < 3; round++) {
    assert.ok(reader.next(frame));
    assert.equal(frame.txnr, 2);
    reader.refuse();
    reader.keepRest();
    arena.fill(0x37);
    assert.equal(reader.skippedBytes, 0);
    reader.feed(arena, HEADROOM, HEADROOM);
  }
  assert.ok(reader.next(frame));
  assert.equal(arena.toString('latin1', frame.start, frame.end), 'b'.repeat(MAX));
  assert.ok(reader.next(frame));
  assert.equal(frame.txnr, 3);
  assert.equal(reader.skippedBytes, 10);
  assert.ok(!reader.next(frame));
  assert.equal(reader.keepRest(), 0);
});

test('what a caller left, however much, comes again with an empty chunk', () => {
  const reader = new RelpReader({ messageBytesMax: MAX, dataBytesMax: DATA_MAX });
  const arena = Buffer.alloc(HEADROOM + 10_000);
  const frame = new RelpFrame();
  const source = Array.from({ length: 500 }, (_, i) => `${i} syslog 5 <1>ab\n`).join('');
  reader.feed(arena, HEADROOM, HEADROOM + arena.write(source, HEADROOM));
  for (let i = 0; i < 500; i++) {
    assert.ok(reader.next(frame), `frame ${i}`);
    assert.equal(frame.txnr, i);
    assert.equal(arena.toString('latin1', frame.start, frame.end), '<1>ab');
    if (i % 7 !== 0) continue;
    const kept = reader.keepRest();
    arena.fill(0x37);
    reader.feed(arena, HEADROOM, HEADROOM);
    assert.ok(i > 0 || kept > HEADROOM);
  }
  assert.ok(!reader.next(frame));
  assert.equal(reader.keepRest(), 0);
  assert.equal(reader.trouble, 'none');
});

test('a frame is written as it is read', () => {
  const output = new RelpOutput(64);
  const data = Buffer.from('xx<1>abyy');
  output.frame(7, WORD.syslog, data, 2, 7);
  output.frame(TXNR_MAX, WORD.close, data, 0, 0);
  output.frame(0, WORD.rsp, data, 0, 9);
  assert.equal(output.take().toString(), '7 syslog 5 <1>ab\n999999999 close 0\n0 rsp 9 xx<1>abyy\n');
});

test('no byte is missing, whatever sizes meet', () => {
  const data = Buffer.alloc(300, 'a');
  for (let length = 0; length <= 300; length++) {
    const output = new RelpOutput(64);
    let expected = '';
    for (let i = 0; i < 30; i++) {
      output.frame(TXNR_MAX, WORD.serverclose, data, 0, length);
      output.ready(TXNR_MAX, Buffer.from(' rsp 6 200 OK\n'));
      const space = length > 0 ? ' ' : '';
      expected += `${TXNR_MAX} serverclose ${length}${space}${'a'.repeat(length)}\n${TXNR_MAX} rsp 6 200 OK\n`;
    }
    assert.ok(output.take().toString() === expected, `of ${length} bytes`);
  }
});

test('numbers of all lengths are written', () => {
  const output = new RelpOutput(64);
  const numbers = [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12_345, 99_999_999, 100_000_000, TXNR_MAX];
  for (const txnr of numbers) output.frame(txnr, WORD.close, Buffer.alloc(0), 0, 0);
  assert.equal(output.take().toString(), numbers.map((txnr) => `${txnr} close 0\n`).join(''));
});

test('a large buffer is let go when all is sent, a small one is kept', () => {
  const output = new RelpOutput(512);
  const data = Buffer.alloc(5000, 'a');
  const roomFor = (length: number) => {
    output.frame(1, WORD.syslog, data, 0, length);
    const taken = output.take();
    output.sent(taken.length);
    return taken.buffer;
  };
  const small = roomFor(10);
  assert.equal(small.byteLength, 512);
  for (let i = 0; i < 100; i++) assert.equal(roomFor(10), small, 'it is used again');
  assert.ok(roomFor(5000).byteLength > 5000);
  assert.equal(roomFor(10).byteLength, 512);
});

test('what was taken stays as it is until it is sent', () => {
  const output = new RelpOutput(64);
  const data = Buffer.alloc(300, 'a');
  output.frame(1, WORD.syslog, data, 0, 300);
  const first = output.take();
  const text = first.toString();
  for (let txnr = 2; txnr < 30; txnr++) output.frame(txnr, WORD.syslog, data, 0, 300);
  assert.equal(first.toString(), text);
  output.sent(10);
  const second = output.take();
  assert.ok(second.toString().startsWith('2 syslog 300 a'));
  assert.ok(second.toString().endsWith('a\n'));
  assert.equal(output.unsentBytes, first.length + second.length - 10);
  output.sent(output.unsentBytes);
  assert.equal(output.take().length, 0);
  output.frame(30, WORD.rsp, data, 0, 1);
  assert.equal(output.take().toString(), '30 rsp 1 a\n');
  assert.throws(() => output.sent(12), /only what was taken/);
});

test('behind the last number comes 1', () => {
  assert.equal(nextTxnr(1), 2);
  assert.equal(nextTxnr(TXNR_MAX), 1);
  assert.equal(txnrDistance(TXNR_MAX, 1), 1);
  assert.equal(txnrDistance(5, 5), 0);
  assert.equal(txnrDistance(TXNR_MAX - 1, 2), 3);
});

test('offers', () => {
  const librelp = 'relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog';
  const offers = parseOffers(librelp);
  assert.deepEqual(offers, {
    version: 0,
    commands: ['syslog'],
    software: 'librelp,1.11.0,http://librelp.adiscon.com',
  });
  assert.equal(objection(offers), undefined);
  assert.deepEqual(parseOffers('\ncommands=eventlog,syslog\r\nfuture\nrelp_version=1'), {
    version: 1,
    commands: ['eventlog', 'syslog'],
    software: '',
  });
  assert.match(objection(parseOffers('commands=syslog')) ?? '', /relp_version/);
  assert.match(objection(parseOffers('commands=syslog\nrelp_version=x')) ?? '', /relp_version/);
  assert.match(objection(parseOffers('commands=syslogs\nrelp_version=0')) ?? '', /syslog/);
  assert.equal(answerObjection(offers), undefined);
  assert.match(answerObjection(parseOffers('relp_version=1\ncommands=syslog')) ?? '', /version 1/);
  assert.equal(parseOffers('relp_software=a\x1b[31m\xff').software, 'a?[31m?');
  assert.deepEqual(parseOffers(printOffers('belfry,1')), {
    version: 0,
    commands: ['syslog'],
    software: 'belfry,1',
  });
});
