// Address literals and CIDR ranges: what is one, what is none, and how it is printed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inAny, isV4, parseAddress, parseRange, printAddress, printRange } from '../../../base/ip.ts';

const addresses: readonly [text: string, printed: string][] = [
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['172.31.101.79', '172.31.101.79'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0A00:0001', '10.0.0.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['0:0:1::', '0:0:1::'],
  ['fe80::1:2:3:4', 'fe80::1:2:3:4'],
  ['::1.2.3.4', '::102:304'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
];

for (const [text, printed] of addresses) {
  test(`${text} is ${printed}`, () => {
    const address = parseAddress(text);
    assert.ok(address);
    assert.equal(printAddress(address), printed);
  });
}

test('what is no address literal', () => {
  const texts = ['', 'localhost', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', ' 1.2.3.4', '1.2.3.4 '];
  for (const text of [
    ...texts,
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    '[::1]',
    '1.2.3.4:514',
    '::1/64',
    '0x7f.1',
  ]) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

const ranges: readonly [text: string, printed: string | undefined][] = [
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.1/32', '10.0.0.1'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['::/0', '::/0'],
  ['::1/128', '::1'],
  ['fd00::/8', 'fd00::/8'],
  ['::ffff:0:0/96', '0.0.0.0/0'],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
  ['10.0.0.1/8', undefined],
  ['10.0.0.0/33', undefined],
  ['::/129', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/8/8', undefined],
  ['10.0.0.0/-1', undefined],
  ['10.0.0.0/0008', undefined],
  ['10.0.0.0/8 ', undefined],
  ['/8', undefined],
  ['fe80::1%eth0/64', undefined],
];

for (const [text, printed] of ranges) {
  test(`the range ${text} is ${printed ?? 'none'}`, () => {
    const range = parseRange(text);
    assert.equal(range && printRange(range), printed);
  });
}

test('an IPv4 peer on an IPv6 socket is the same peer', () => {
  const mapped = parseAddress('::ffff:192.0.2.1');
  const range = parseRange('192.0.2.0/24');
  assert.ok(mapped && range && isV4(mapped) && inAny([range], mapped));
});

test('the whole of IPv4 is not the whole of IPv6, and the other way round it is', () => {
  const [all4, all6, one4, one6] = [
    parseRange('0.0.0.0/0'),
    parseRange('::/0'),
    parseAddress('1.2.3.4'),
    parseAddress('::1'),
  ];
  assert.ok(all4 && all6 && one4 && one6);
  assert.deepEqual([inAny([all4], one4), inAny([all4], one6)], [true, false]);
  assert.deepEqual([inAny([all6], one4), inAny([all6], one6)], [true, true]);
});
