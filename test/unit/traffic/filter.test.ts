// What people write as a filter, what it means, and what they are told when it means nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFilter } from '../../../traffic/filter/parse.ts';
import type { Expression } from '../../../traffic/filter/expression.ts';

function print(expression: Expression): string {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return `(${print(expression.left)} ${expression.kind} ${print(expression.right)})`;
    case 'not':
      return `!${print(expression.of)}`;
    case 'net':
      return `${expression.direction}-net/${expression.range.bits}`;
    case 'port':
      return `${expression.direction}-port ${expression.from}-${expression.to}`;
    case 'protocol':
      return `proto ${expression.protocol}`;
    case 'version':
      return `v${expression.version}`;
    case 'arp':
      return 'arp';
  }
}

function read(text: string): string {
  const parsed = parseFilter(text);
  if (parsed === undefined) return 'everything';
  return parsed.error
    ? `${parsed.error.at}: ${parsed.error.what} ${parsed.error.mend}`
    : print(parsed.expression);
}

const GOOD: Readonly<Record<string, string>> = {
  '': 'everything',
  '  ': 'everything',
  'port 2525': 'either-port 2525-2525',
  'port ssh': 'either-port 22-22',
  'tcp dst port 80': '(proto 6 and dst-port 80-80)',
  'port 80 or 443': '(either-port 80-80 or either-port 443-443)',
  'host 10.0.0.1 or 10.0.0.2 and not port 22': '((either-net/128 or either-net/128) and !either-port 22-22)',
  '10.0.0.1': 'either-net/128',
  'src and dst net 10.0.0.0/8': 'both-net/104',
  'src 10.0.0.1 and dst fe80::1': '(src-net/128 and dst-net/128)',
  'portrange 6000-6010': 'either-port 6000-6010',
  'tcp or udp && !(arp)': '((proto 6 or proto 17) and !arp)',
  icmp: '(v4 and proto 1)',
  'proto 47': 'proto 47',
  'tcp src 10.0.0.1': '(proto 6 and src-net/128)',
};

for (const [text, meaning] of Object.entries(GOOD)) {
  test(`"${text}" means ${meaning}`, () => assert.equal(read(text), meaning));
}

const BAD: Readonly<Record<string, RegExp>> = {
  'port 99999': /^5: "99999" is no port\. A number/,
  'host server1': /^5: "server1" is no IP address\. Names are not looked up/,
  'prot 80': /^0: "prot" is not where a test can begin\. Did you mean "(port|proto)"\?/,
  'port 80 and': /^11: The filter ends where a test should stand/,
  '(port 80': /^0: This "\(" is never closed/,
  'port 80)': /^7: This "\)" closes nothing/,
  'net 10.0.0.1/8': /^4: "10.0.0.1\/8" is no network\. .*no host bits/,
  'port 80 port 81': /^8: "port" follows a test without a word/,
  'portrange 9-3': /^10: The range "9-3" is empty/,
  'proto 300': /^6: A protocol number/,
  port: /^4: A value is missing after port/,
};

for (const [text, pattern] of Object.entries(BAD)) {
  test(`"${text}" is refused with its place`, () => assert.match(read(text), pattern));
}
