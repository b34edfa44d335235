// What a message gets from its sender's address: by example.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../base/ip.ts';
import { Senders } from '../../../client/inputs/listen/sender.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { LogRecord } from '../../../syslog/record.ts';
import { zoneFor } from '../../../syslog/time.ts';
import { HOST } from './input-parts.ts';

const senders = new Senders(HOST, zoneFor('UTC'));

function received(from: string, text: string): string {
  const address = parseAddress(from);
  assert.ok(address);
  const record = new LogRecord();
  const bytes = Buffer.from(text);
  parseMessage(record, bytes, 0, bytes.length);
  const { host, isLocal } = senders.received(record, address.w0, address.w1, address.w2, address.w3);
  return `${host ? Buffer.from(host).toString() : 'this host'}, ${isLocal ? 'our clock' : 'another clock'}`;
}

test('a program of this host that names no host, or this one, is of this host', () => {
  for (const from of ['127.0.0.1', '127.3.2.1', '::1']) {
    assert.equal(received(from, '<13>app: text'), 'this host, our clock');
    assert.equal(received(from, `<13>Nov 20 12:34:15 ${HOST} app: text`), 'this host, our clock');
    assert.equal(received(from, '<13>Nov 20 12:34:15 tower app: text'), 'this host, our clock');
  }
});

test('a relay on this host speaks for another', () => {
  assert.equal(received('127.0.0.1', '<13>Nov 20 12:34:15 web1 app: text'), '127.0.0.1, another clock');
  assert.equal(received('::1', '<13>1 2026-11-21T03:00:00Z web1 app - - - text'), '::1, another clock');
});

test('from elsewhere the address stands for an absent host, and nobody vouches for the time', () => {
  assert.equal(received('10.1.2.3', '<13>app: text'), '10.1.2.3, another clock');
  assert.equal(received('10.1.2.3', `<13>Nov 20 12:34:15 ${HOST} app: text`), '10.1.2.3, another clock');
  assert.equal(received('2001:db8::7', '<13>app: text'), '2001:db8::7, another clock');
  assert.equal(received('::2', '<13>app: text'), '::2, another clock');
  assert.equal(received('128.0.0.1', '<13>app: text'), '128.0.0.1, another clock');
});
