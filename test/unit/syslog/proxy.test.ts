// The PROXY protocol's headers by example: those of the specification, and what looks like one and is none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printAddress } from '../../../base/ip.ts';
import { ProxyHeader } from '../../../syslog/proxy.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function version2(command: number, family: number, addresses: Buffer, length = addresses.length): Buffer {
  const fixed = Buffer.from([0x20 | command, family, length >> 8, length & 255]);
  return Buffer.concat([SIGNATURE, fixed, addresses]);
}

const V4 = Buffer.from('c0000201c6336407d4310202', 'hex');
const V6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from('d4310202', 'hex'),
]);

/** "done 192.0.2.1:54321 +4": the verdict, the source, how many bytes were left. */
function read(bytes: Buffer): string {
  const header = new ProxyHeader();
  const at = header.feed(bytes, 0, bytes.length);
  if (header.state === 'bad') return 'bad';
  const source = header.source && `${printAddress(header.source.address)}:${header.source.port}`;
  return `${header.state} ${source ?? '-'} +${bytes.length - at}`;
}

const text = (line: string) => read(Buffer.from(line, 'latin1'));

test('version 1: who has connected, and not a byte of the data', () => {
  assert.equal(text('PROXY TCP4 192.0.2.1 198.51.100.7 54321 514\r\n'), 'done 192.0.2.1:54321 +0');
  assert.equal(text('PROXY TCP4 192.0.2.1 198.51.100.7 54321 514\r\n<13>a'), 'done 192.0.2.1:54321 +5');
  assert.equal(text('PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\nx'), 'done 2001:db8::1:1 +1');
  assert.equal(text('PROXY TCP6 ::ffff:10.1.2.3 ::1 0 0\r\n'), 'done 10.1.2.3:0 +0');
  assert.equal(text('PROXY UNKNOWN\r\n<13>'), 'done - +4');
  assert.equal(text('PROXY UNKNOWN 1.2.3.4 what ever stands here\r\n'), 'done - +0');
  const long = `PROXY UNKNOWN ${'f'.repeat(107 - 16)}\r\n`;
  assert.equal(text(long), 'done - +0');
});

test('version 1: what is unfinished waits', () => {
  for (const part of ['', 'P', 'PROXY ', 'PROXY TCP4 192.0.2.1 198.51.100.7 54321 514\r'])
    assert.equal(text(part), 'more - +0', part);
});

test('version 1: what is no header is refused', () => {
  const bad = [
    '<13>a message\n',
    'PROXX ',
    'proxy TCP4 192.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r \n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n',
    'PROXY TCP4  192.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY TCP4 192.0.2.01 198.51.100.7 1 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.256 1 2\r\n',
    'PROXY TCP4 ::1 ::2 1 2\r\n',
    'PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 65536 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1 002\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 +1 2\r\n',
    'PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY UNKNOWNX\r\n',
    'PROXY \r\n',
    `PROXY UNKNOWN ${'f'.repeat(107 - 15)}\r\n`,
  ];
  for (const line of bad) assert.equal(text(line), 'bad', JSON.stringify(line));
});

test('version 2: addresses of both families, behind any extensions', () => {
  assert.equal(read(version2(1, 0x11, V4)), 'done 192.0.2.1:54321 +0');
  assert.equal(read(version2(1, 0x12, V4)), 'done 192.0.2.1:54321 +0');
  assert.equal(read(version2(1, 0x21, V6)), 'done 2001:db8::1:54321 +0');
  const tlv = Buffer.from('04000361626305000178', 'hex');
  assert.equal(
    read(Buffer.concat([version2(1, 0x11, Buffer.concat([V4, tlv])), Buffer.from('<13>')])),
    'done 192.0.2.1:54321 +4',
  );
  const longest = Buffer.concat([V6, Buffer.alloc(65_535 - 36, 0xff)]);
  assert.equal(
    read(Buffer.concat([version2(1, 0x21, longest), Buffer.from('x')])),
    'done 2001:db8::1:54321 +1',
  );
});

test('version 2: a balancer that speaks for itself, and sources without an address', () => {
  assert.equal(read(version2(0, 0x00, Buffer.alloc(0))), 'done - +0');
  assert.equal(read(version2(0, 0x11, V4)), 'done - +0');
  assert.equal(read(version2(0, 0xff, Buffer.from('xy'))), 'done - +0');
  assert.equal(read(version2(1, 0x00, Buffer.alloc(7))), 'done - +0');
  assert.equal(read(version2(1, 0x31, Buffer.alloc(216, 0x2f))), 'done - +0');
});

test('version 2: what is no header is refused', () => {
  const wrongVersion = version2(1, 0x11, V4);
  wrongVersion[12] = 0x31;
  const wrongSignature = version2(1, 0x11, V4);
  wrongSignature[11] = 0x0b;
  const bad: readonly Buffer[] = [
    wrongVersion,
    wrongSignature,
    version2(2, 0x11, V4),
    version2(1, 0x41, V4),
    version2(1, 0x13, V4),
    version2(1, 0x10, V4),
    version2(1, 0x01, V4),
    version2(1, 0x11, V4.subarray(0, 11)),
    version2(1, 0x21, V6.subarray(0, 35)),
    version2(1, 0x31, Buffer.alloc(215)),
  ];
  for (const bytes of bad) assert.equal(read(bytes), 'bad', bytes.toString('hex'));
});

test('the first byte that cannot belong to a header ends the waiting', () => {
  const header = new ProxyHeader();
  assert.equal(header.feed(Buffer.from('<13>'), 0, 4), 1);
  assert.equal(header.state, 'bad');
  const second = new ProxyHeader();
  second.feed(Buffer.from('PROXYx'), 0, 6);
  assert.equal(second.state, 'bad');
});
